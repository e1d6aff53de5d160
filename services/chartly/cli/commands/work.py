"""`chartly work`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.options import page_options
from chartly.cli.text import ago, instant, number, receipt_line, word

if TYPE_CHECKING:
    from chartly.api.coordinator.v1.coordinator_pb2 import Work
    from chartly.cli.session import Session

_STATES = ("QUEUED", "LEASED", "PAUSED", "SUCCEEDED", "DEAD", "CANCELLED")


@click.group(cls=Commands)
def work() -> None:
    """List, cancel and redrive work."""


@work.command("list")
@click.argument("profile_id", required=False, default="")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="Only work in this state.")
@page_options("work items")
@mesh_command
async def list_work(
    session: Session, output: Output, profile_id: str, state: str | None, limit: int, page_token: str
) -> None:
    """List work, newest first, of one profile or all."""
    from chartly.api.coordinator.v1 import coordinator_pb2 as pb
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
    from chartly.cli.tables import more, show_table

    request = pb.ListWorkRequest(page_size=limit, page_token=page_token, profile_id=profile_id)
    if state:
        request.state = pb.WorkState.Value(f"WORK_STATE_{state}")
    answer = await session.stub(CoordinatorServiceStub).ListWork(request)
    if not output.json(answer):
        show_table(
            ("work", "profile", "state", "attempts", "queued", "says"), map(_row, answer.work), right=("attempts",)
        )
        more(answer.next_page_token)


@work.command("show")
@click.argument("work_id")
@mesh_command
async def show_work(session: Session, output: Output, work_id: str) -> None:
    """Show a work item."""
    from chartly.api.coordinator.v1 import coordinator_pb2 as pb
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub

    answer = await session.stub(CoordinatorServiceStub).GetWork(pb.GetWorkRequest(work_id=work_id))
    if not output.json(answer):
        _show(answer.work)


@work.command("cancel")
@click.argument("work_id")
@mesh_command
async def cancel_work(session: Session, output: Output, work_id: str) -> None:
    """Cancel a work item."""
    from chartly.api.coordinator.v1 import coordinator_pb2 as pb
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub

    answer = await session.stub(CoordinatorServiceStub).CancelWork(pb.CancelWorkRequest(work_id=work_id))
    if not output.json(answer):
        click.echo(f"{answer.work.work_id} is {word(pb.WorkState, answer.work.state)}")


@work.command("redrive")
@click.argument("work_id")
@mesh_command
async def redrive_work(session: Session, output: Output, work_id: str) -> None:
    """Queue dead or cancelled work again."""
    from chartly.api.coordinator.v1 import coordinator_pb2 as pb
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub

    answer = await session.stub(CoordinatorServiceStub).RedriveWork(pb.RedriveWorkRequest(work_id=work_id))
    if not output.json(answer):
        state, profile_id = word(pb.WorkState, answer.work.state), answer.work.profile_id
        click.echo(f"{answer.work.work_id} is {state}. Follow it: chartly run {profile_id} --follow")


def _row(work: Work) -> tuple[str, ...]:
    from chartly.api.coordinator.v1.coordinator_pb2 import WorkState

    attempts = f"{work.attempts}/{work.max_attempts}"
    said = work.message or work.progress.message
    return (
        work.work_id,
        work.profile_id,
        word(WorkState, work.state),
        attempts,
        ago(work.create_time, datetime.now(UTC)),
        said,
    )


def _show(work: Work) -> None:
    from chartly.api.coordinator.v1.coordinator_pb2 import WorkState
    from chartly.api.run.v1.run_pb2 import Trigger

    click.echo(
        f"{work.work_id}  {word(WorkState, work.state)}  {work.profile_id} {work.profile_version}  run {work.run_id}"
    )
    click.echo(
        f"queued {instant(work.create_time.ToDatetime(UTC))} by {word(Trigger, work.trigger)} {work.trigger_id}".rstrip()
    )
    click.echo(f"attempt {number(work.attempts)} of {number(work.max_attempts)}  {work.drone_id}".rstrip())
    if work.message:
        click.echo(f"{work.reason} {work.message}".lstrip())
    if work.progress.HasField("receipt"):
        click.echo(receipt_line(work.progress.receipt))
