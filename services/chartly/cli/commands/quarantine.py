"""`chartly quarantine`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.options import page_options
from chartly.cli.text import counted, number, receipt_line, word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chartly.api.aggregator.v1.aggregator_pb2 import ListQuarantineResponse, QuarantinedRecord
    from chartly.cli.session import Session

_PAGE = 1000
_run_option = click.option("--run", "run_id", default="", metavar="RUN", help="Only records of this run.")
_replayed_option = click.option("--all", "replayed", is_flag=True, help="Also records that were replayed.")


@click.group(cls=Commands)
def quarantine() -> None:
    """See and replay records that were kept aside."""


@quarantine.command("list")
@click.argument("profile_id", required=False, default="")
@_run_option
@_replayed_option
@page_options("records")
@mesh_command
async def list_quarantine(
    session: Session, output: Output, profile_id: str, run_id: str, replayed: bool, limit: int, page_token: str
) -> None:
    """List what is wrong with quarantined records, each problem once."""
    answer = await _page(session, profile_id, run_id, replayed, limit, page_token)
    if output.json(answer):
        return
    records = list(answer.records)
    while answer.next_page_token:
        answer = await _page(session, profile_id, run_id, replayed, _PAGE, answer.next_page_token)
        records += answer.records
    _show_problems(records, named=not profile_id)


@quarantine.command("show")
@click.argument("profile_id", required=False, default="")
@_run_option
@_replayed_option
@page_options("records")
@mesh_command
async def show_quarantine(
    session: Session, output: Output, profile_id: str, run_id: str, replayed: bool, limit: int, page_token: str
) -> None:
    """Show quarantined records, each as it came and with all its errors."""
    from chartly.cli.tables import more

    answer = await _page(session, profile_id, run_id, replayed, limit, page_token)
    if output.json(answer):
        return
    for record in answer.records:
        _show_record(record)
    more(answer.next_page_token)


@quarantine.command("replay")
@click.argument("profile_id")
@_run_option
@mesh_command
async def replay_quarantine(session: Session, output: Output, profile_id: str, run_id: str) -> None:
    """Map open quarantined records again, by the profile as it is now."""
    from chartly.api.aggregator.v1.aggregator_pb2 import ReplayQuarantineRequest
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub

    request = ReplayQuarantineRequest(profile_id=profile_id, run_id=run_id)
    answer = await session.stub(AggregatorServiceStub).ReplayQuarantine(request)
    if output.json(answer):
        return
    if not answer.HasField("run"):
        click.echo(await nothing_replayed(session, profile_id, run_id))
        return
    receipt = answer.run.receipt
    click.echo(f"replayed {number(receipt.extracted)}, delivered {number(receipt.delivered)}")
    click.echo(receipt_line(receipt))


async def nothing_replayed(session: Session, profile_id: str, run_id: str = "") -> str:
    """Return why a replay found nothing to do: no record is open, or the revision has refused all that are."""
    refused = (await _page(session, profile_id, run_id, False, 1, "")).total_size
    if not refused:
        return "nothing to replay"
    return (
        f"nothing to replay: the profile as it is now has refused the {counted(refused, 'open record')} already. "
        f"Mend it first; what is wrong: chartly quarantine list {profile_id}"
    )


async def _page(
    session: Session, profile_id: str, run_id: str, replayed: bool, limit: int, page_token: str
) -> ListQuarantineResponse:
    from chartly.api.aggregator.v1.aggregator_pb2 import ListQuarantineRequest
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub

    request = ListQuarantineRequest(
        profile_id=profile_id, run_id=run_id, include_replayed=replayed, page_size=limit, page_token=page_token
    )
    return await session.stub(AggregatorServiceStub).ListQuarantine(request)


def _show_problems(records: Iterable[QuarantinedRecord], *, named: bool) -> None:
    """Print each problem once, with the name of its profile if that is wanted."""
    counts: Counter[str] = Counter()
    first: dict[str, QuarantinedRecord] = {}
    for record in records:
        for error in record.errors:
            problem = f"{record.profile_id}: {error.message}" if named else error.message
            counts[problem] += 1
            first.setdefault(problem, record)
    for problem, count in counts.most_common():
        place = first[problem]
        click.echo(
            f"{number(count)} \u00d7 {problem}   first: page {number(place.page)}, record {number(place.record)}"
        )
    if not counts:
        click.echo("nothing is in quarantine")


def _show_record(record: QuarantinedRecord) -> None:
    from chartly.api.run.v1.run_pb2 import RecordErrorReason

    place = f"page {number(record.page)}, record {number(record.record)}"
    replayed = f"  replayed by {record.replay_run_id}" if record.replay_run_id else ""
    click.echo(
        f"{record.quarantine_id}  {record.profile_id} {record.profile_version}  {place} of {record.run_id}{replayed}"
    )
    for error in record.errors:
        click.echo(f"  {word(RecordErrorReason, error.reason)} {error.message}")
    click.echo(f"  {record.raw}")
