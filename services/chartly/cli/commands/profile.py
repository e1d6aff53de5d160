"""`chartly profile`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.documents import Document, read_document, say_problems, say_warnings
from chartly.cli.exits import Exit, fail
from chartly.cli.options import page_options
from chartly.cli.text import counted, instant, number, receipt_line, short

if TYPE_CHECKING:
    from chartly.api.coordinator.v1.coordinator_pb2 import PreviewProfileResponse
    from chartly.api.registry.v1.registry_pb2 import (
        GetProfileResponse,
        GetRevisionResponse,
        Problem,
        Revision,
        ValidateProfileResponse,
    )
    from chartly.cli.session import Session
    from google.protobuf.struct_pb2 import Value

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
_MOST_WHOLE = 1e15


@click.group(cls=Commands)
def profile() -> None:
    """Check, preview, save and compare profiles."""


@profile.command("validate")
@_file
@mesh_command
async def validate(session: Session, output: Output, file: Path) -> None:
    """Say all that is wrong with a profile, and what would change if it were saved."""
    document = read_document(file)
    answer = await _validate(session, document)
    if not output.json(answer):
        if answer.problems:
            say_problems(_problems(document, answer), "Nothing was saved.")
        else:
            click.echo(_what_would_change(answer, document.name))
    say_warnings(answer.warnings)
    if answer.problems:
        raise SystemExit(Exit.INVALID)


@profile.command("preview")
@_file
@mesh_command
async def preview(session: Session, output: Output, file: Path) -> None:
    """Have a drone fetch one page and show what its records become; nothing is written."""
    from chartly.api.coordinator.v1.coordinator_pb2 import PreviewProfileRequest
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub

    document = read_document(file)
    with document.placing("Nothing was fetched."):
        answer = await session.stub(CoordinatorServiceStub).PreviewProfile(PreviewProfileRequest(body=document.body()))
    if not output.json(answer):
        _show_preview(answer)


@profile.command("apply")
@_file
@click.option("--replay", is_flag=True, help="Then map the open quarantined records again.")
@mesh_command
async def apply(session: Session, output: Output, file: Path, replay: bool) -> None:
    """Save a profile as a revision; the first revision of a profile runs now."""
    from chartly.cli.data_folder import DataFolder

    document = read_document(file)
    checked = await _validate(session, document)
    if checked.problems:
        if not output.json(checked):
            say_problems(_problems(document, checked), "Nothing was saved.")
        raise SystemExit(Exit.INVALID)
    say_warnings(checked.warnings)
    with document.placing("Nothing was saved."):
        revision = await _save(session, output, document, checked)
    line = await _saved(session, revision, checked)
    if not checked.latest_revision:
        line += await _first_run(session, revision)
    elif revision.revision != checked.latest_revision:
        DataFolder(session.data_dir).take_first_run(revision.profile_id)
    if replay:
        line += await _replay(session, revision.profile_id)
    if output.form != "json":
        click.echo(line)


@profile.command("list")
@page_options("profiles")
@mesh_command
async def list_profiles(session: Session, output: Output, limit: int, page_token: str) -> None:
    """List profiles by name."""
    from chartly.api.registry.v1.registry_pb2 import ListProfilesRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
    from chartly.cli.tables import more, show_table

    request = ListProfilesRequest(page_size=limit, page_token=page_token)
    answer = await session.stub(RegistryServiceStub).ListProfiles(request)
    if not output.json(answer):
        rows = [
            (r.profile_id, r.version, short(r.digest), _schedule(r), r.owner, ", ".join(r.tags))
            for r in answer.profiles
        ]
        show_table(("profile", "version", "digest", "schedule", "owner", "tags"), rows)
        more(answer.next_page_token)


@profile.command("show")
@click.argument("profile_id")
@click.option(
    "--version", default="", metavar="VERSION", help="Semantic version or number of a revision; the latest by default."
)
@mesh_command
async def show(session: Session, output: Output, profile_id: str, version: str) -> None:
    """Show a profile as YAML."""
    answer = await _get(session, profile_id, version)
    if not output.json(answer):
        click.echo(_yaml(answer.revision), nl=False)


@profile.command("diff")
@click.argument("profile_id")
@click.argument("old", required=False, default="")
@click.argument("new", required=False, default="")
@mesh_command
async def diff(session: Session, output: Output, profile_id: str, old: str, new: str) -> None:
    """Show what changed between two revisions; by default between the latest and the one before it."""
    from difflib import unified_diff

    answer = await _get(session, profile_id, new)
    after = answer.revision
    if not old and after.revision == 1:
        fail(Exit.NOT_FOUND, f"{profile_id} has one revision, {after.version}")
    before = (await _get(session, profile_id, old or str(after.revision - 1))).revision
    if output.json(answer):
        return
    names = (f"{profile_id} {before.version}", f"{profile_id} {after.version}")
    lines = unified_diff(_yaml(before).splitlines(), _yaml(after).splitlines(), *names, lineterm="")
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))


@profile.command("contract")
@click.argument("profile_id")
@click.option(
    "--format",
    "wanted",
    type=click.Choice(["json_schema", "odcs", "avro", "proto"]),
    default="json_schema",
    show_default=True,
    help="Form of the contract.",
)
@mesh_command
async def contract(session: Session, output: Output, profile_id: str, wanted: str) -> None:
    """Write the contract that the records of a profile meet."""
    from chartly.api.registry.v1.registry_pb2 import GetOutputContractRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    request = GetOutputContractRequest(profile_id=profile_id, format=wanted)
    answer = await session.stub(RegistryServiceStub).GetOutputContract(request)
    if not output.json(answer):
        click.echo(answer.data, nl=not answer.data.endswith(b"\n"))


async def _validate(session: Session, document: Document) -> ValidateProfileResponse:
    from chartly.api.registry.v1.registry_pb2 import ValidateProfileRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    return await session.stub(RegistryServiceStub).ValidateProfile(ValidateProfileRequest(body=document.body()))


async def _save(session: Session, output: Output, document: Document, checked: ValidateProfileResponse) -> Revision:
    """Create or update, by what the check found, so that a change in between is refused and not overwritten."""
    from chartly.api.registry.v1 import registry_pb2 as pb
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    registry = session.stub(RegistryServiceStub)
    body, profile_id = document.body(), checked.revision.profile_id
    if checked.latest_revision:
        update = pb.UpdateProfileRequest(profile_id=profile_id, body=body, base_revision=checked.latest_revision)
        updated = await registry.UpdateProfile(update)
        output.json(updated)
        return updated.revision
    created = await registry.CreateProfile(pb.CreateProfileRequest(body=body))
    output.json(created)
    return created.revision


async def _first_run(session: Session, revision: Revision) -> str:
    """Queue the first run of a profile; one with a schedule has it from there. Return what to say of it."""
    from chartly.api.coordinator.v1.coordinator_pb2 import RunNowRequest
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
    from chartly.cli.data_folder import DataFolder

    if not revision.enabled:
        return "   not enabled, so it does not run"
    DataFolder(session.data_dir).expect_first_run(revision.profile_id)
    if revision.every:
        return f"   runs now, then {_schedule(revision)}"
    request = RunNowRequest(profile_id=revision.profile_id, request_id=f"apply-{revision.digest}"[:100])
    await session.stub(CoordinatorServiceStub).RunNow(request)
    return "   runs now"


async def _replay(session: Session, profile_id: str) -> str:
    from chartly.api.aggregator.v1.aggregator_pb2 import ReplayQuarantineRequest
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub
    from chartly.cli.commands.quarantine import nothing_replayed

    request = ReplayQuarantineRequest(profile_id=profile_id)
    answer = await session.stub(AggregatorServiceStub).ReplayQuarantine(request)
    if not answer.HasField("run"):
        return f"; {await nothing_replayed(session, profile_id)}"
    receipt = answer.run.receipt
    return f"; replayed {number(receipt.extracted)}, delivered {number(receipt.delivered)}\n{receipt_line(receipt)}"


async def _get(session: Session, profile_id: str, version: str) -> GetProfileResponse | GetRevisionResponse:
    from chartly.api.registry.v1 import registry_pb2 as pb
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    registry = session.stub(RegistryServiceStub)
    if version:
        return await registry.GetRevision(pb.GetRevisionRequest(profile_id=profile_id, version=version))
    return await registry.GetProfile(pb.GetProfileRequest(profile_id=profile_id))


def _problems(document: Document, answer: ValidateProfileResponse) -> list[str]:
    def place(problem: Problem) -> str:
        return f"{document.name}:{problem.line}:{problem.column}" if problem.line else document.at(problem.path)

    return [f"{place(problem)} {problem.message}" for problem in answer.problems]


def _what_would_change(answer: ValidateProfileResponse, file: str) -> str:
    revision = answer.revision
    name = f"{revision.profile_id} {revision.version} {short(revision.digest)}"
    if not answer.latest_revision:
        return f"+ {name}   a new profile. Save it: chartly profile apply {file}"
    return f"~ {name}   {'; '.join(answer.changes)}" if answer.changes else f"= {name}   as it is saved"


async def _saved(session: Session, revision: Revision, checked: ValidateProfileResponse) -> str:
    if not checked.latest_revision:
        return f"+ {revision.profile_id} {revision.version} {short(revision.digest)}"
    if revision.revision == checked.latest_revision:
        return f"= {revision.profile_id} {revision.version} as it was"
    before = (await _get(session, revision.profile_id, str(checked.latest_revision))).revision
    effect = "compatible" if _major(before) == _major(revision) else "not compatible with what reads it"
    return f"~ {revision.profile_id} {revision.version} {effect} ({'; '.join(revision.changes)})"


def _major(revision: Revision) -> str:
    return revision.version.partition(".")[0]


def _schedule(revision: Revision) -> str:
    if not revision.every or not revision.enabled:
        return ""
    units = {"s": "s", "m": "min", "h": "h", "d": "d", "w": "w"}
    return f"every {revision.every[:-1]} {units.get(revision.every[-1], revision.every[-1])}"


def _show_preview(answer: PreviewProfileResponse) -> None:
    from chartly.cli.commands.records import show_records

    records = [record.fields for record in answer.records]
    show_records([(r["dims"].struct_value, _instant(r["observed_at"]), r["measures"].struct_value) for r in records])
    for error in answer.errors:
        click.echo(f"record {number(error.record)}: {'; '.join(each.message for each in error.errors)}")
    receipt = answer.receipt
    pages = counted(receipt.pages, "page")
    click.echo(f"{pages}, {number(receipt.extracted)} records, {number(receipt.quarantined)} bad; nothing written")


def _instant(time: Value) -> str:
    return instant(datetime.fromisoformat(time.string_value).astimezone(UTC))


def _yaml(revision: Revision) -> str:
    import yaml
    from google.protobuf.json_format import MessageToDict

    fields = MessageToDict(revision.profile, preserving_proto_field_name=True)
    return str(yaml.safe_dump(_as_written(fields), sort_keys=False, allow_unicode=True, width=120))


def _as_written(value: Any) -> Any:
    """Return a document with whole numbers where JSON knows only numbers: people write `minimum: 0`, not `0.0`."""
    match value:
        case dict():
            return {name: _as_written(each) for name, each in value.items()}
        case list():
            return [_as_written(each) for each in value]
        case float() if value.is_integer() and abs(value) < _MOST_WHOLE:
            return int(value)
    return value
