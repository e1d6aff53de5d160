"""`chartly run`, and `chartly runs`."""

from __future__ import annotations

import asyncio
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.exits import Exit
from chartly.cli.options import page_options
from chartly.cli.text import ago, counted, duration, number, receipt_line, word

if TYPE_CHECKING:
    from chartly.api.aggregator.v1.aggregator_pb2 import GetRunResponse
    from chartly.api.coordinator.v1.coordinator_pb2 import Work
    from chartly.api.run.v1.run_pb2 import Run
    from chartly.cli.session import Session

_LOOK_SECONDS = 0.2
_JUST_NOW = timedelta(minutes=1)
_STATES = ("RUNNING", "PAUSED", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED")


@click.command()
@click.argument("profile_id")
@click.option("--follow", is_flag=True, help="Show how far it is while it runs.")
@mesh_command
async def run(session: Session, output: Output, profile_id: str, follow: bool) -> None:
    """Run a profile, and wait for the end.

    A run that is queued or going is followed, and no other started. So is the run that the first `profile apply` began, once,
    until a minute after its end.
    """
    work = await _current(session, profile_id) or await _start(session, profile_id)
    work = await _ended(session, work, Progress(shown=follow and output.form != "json"))
    answer = await _run_of(session, work)
    if not output.json(answer):
        _show_end(answer.run)
    if word_of(answer.run) not in ("SUCCEEDED", "PARTIAL"):
        raise SystemExit(Exit.FAILED)


@click.group(cls=Commands)
def runs() -> None:
    """See runs, their receipts and logs."""


@runs.command("list")
@click.argument("profile_id", required=False, default="")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="Only runs in this state.")
@page_options("runs")
@mesh_command
async def list_runs(
    session: Session, output: Output, profile_id: str, state: str | None, limit: int, page_token: str
) -> None:
    """List runs, newest first, of one profile or all."""
    from chartly.api.aggregator.v1.aggregator_pb2 import ListRunsRequest
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub
    from chartly.api.run.v1.run_pb2 import RunState
    from chartly.cli.tables import more, show_table

    request = ListRunsRequest(page_size=limit, page_token=page_token, profile_id=profile_id)
    if state:
        request.state = RunState.Value(f"RUN_STATE_{state}")
    answer = await session.stub(AggregatorServiceStub).ListRuns(request)
    if not output.json(answer):
        columns = ("run", "profile", "state", "began", "extracted", "delivered", "quarantined", "says")
        show_table(columns, map(_row, answer.runs), right=("extracted", "delivered", "quarantined"))
        more(answer.next_page_token)


@runs.command("show")
@click.argument("run_id")
@mesh_command
async def show_run(session: Session, output: Output, run_id: str) -> None:
    """Show a run with its receipt."""
    from chartly.api.aggregator.v1.aggregator_pb2 import GetRunRequest
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub

    answer = await session.stub(AggregatorServiceStub).GetRun(GetRunRequest(run_id=run_id))
    if not output.json(answer):
        click.echo(f"{answer.run.run_id}  {answer.run.profile_id} {answer.run.profile_version}")
        _show_end(answer.run)


@runs.command("logs")
@click.argument("run_id")
@mesh_command
async def show_logs(session: Session, output: Output, run_id: str) -> None:
    """Print the log of a run, one JSON object a line."""
    from chartly.api.aggregator.v1.aggregator_pb2 import GetRunLogsRequest
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub

    answer = await session.stub(AggregatorServiceStub).GetRunLogs(GetRunLogsRequest(run_id=run_id))
    if not output.json(answer):
        sys.stdout.buffer.write(answer.data)


class Progress:
    """Says how far a run is: on a terminal in one line that changes, elsewhere in a line for each change of what it does."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._on_terminal = sys.stderr.isatty()
        self._said = ""

    def say(self, work: Work) -> None:
        """Say how far the run is now."""
        line = _progress(work)
        key = line if self._on_terminal else work.progress.message or line
        if not self._shown or not line or key == self._said:
            return
        self._said = key
        click.echo(f"\r\x1b[K{line}" if self._on_terminal else line, err=True, nl=not self._on_terminal)

    def end(self) -> None:
        """Remove what stands on the terminal."""
        if self._shown and self._on_terminal and self._said:
            click.echo("\r\x1b[K", err=True, nl=False)


def word_of(run: Run) -> str:
    """Return a run's state in a word."""
    from chartly.api.run.v1.run_pb2 import RunState

    return word(RunState, run.state)


async def _current(session: Session, profile_id: str) -> Work | None:
    """Return the work that is queued or going, or a first run that has just ended and was not shown."""
    from chartly.api.coordinator.v1 import coordinator_pb2 as pb
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
    from chartly.cli.data_folder import DataFolder

    coordinator = session.stub(CoordinatorServiceStub)
    is_first = DataFolder(session.data_dir).take_first_run(profile_id)
    for state in (pb.WORK_STATE_LEASED, pb.WORK_STATE_PAUSED, pb.WORK_STATE_QUEUED):
        answer = await coordinator.ListWork(pb.ListWorkRequest(profile_id=profile_id, state=state, page_size=1))
        if answer.work:
            return answer.work[0]
    if not is_first:
        return None
    answer = await coordinator.ListWork(pb.ListWorkRequest(profile_id=profile_id, page_size=1))
    return next((work for work in answer.work if _ended_just_now(work)), None)


def _ended_just_now(work: Work) -> bool:
    age = datetime.now(UTC) - work.end_time.ToDatetime(UTC)
    return work.HasField("end_time") and age < _JUST_NOW


async def _start(session: Session, profile_id: str) -> Work:
    from chartly.api.coordinator.v1.coordinator_pb2 import RunNowRequest
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub

    request = RunNowRequest(profile_id=profile_id, request_id=uuid.uuid4().hex)
    return (await session.stub(CoordinatorServiceStub).RunNow(request)).work


async def _ended(session: Session, work: Work, progress: Progress) -> Work:
    from chartly.api.coordinator.v1 import coordinator_pb2 as pb
    from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub

    coordinator = session.stub(CoordinatorServiceStub)
    while work.state in (pb.WORK_STATE_QUEUED, pb.WORK_STATE_LEASED, pb.WORK_STATE_PAUSED):
        progress.say(work)
        await asyncio.sleep(_LOOK_SECONDS)
        work = (await coordinator.GetWork(pb.GetWorkRequest(work_id=work.work_id))).work
    progress.end()
    return work


async def _run_of(session: Session, work: Work) -> GetRunResponse:
    """Return the run of ended work, as soon as the aggregator knows its end too."""
    import grpc
    from chartly.api.aggregator.v1.aggregator_pb2 import GetRunRequest
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub

    aggregator = session.stub(AggregatorServiceStub)
    while True:
        try:
            answer = await aggregator.GetRun(GetRunRequest(run_id=work.run_id))
            if word_of(answer.run) not in ("RUNNING", "PAUSED"):
                return answer
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
        await asyncio.sleep(_LOOK_SECONDS)


def _progress(work: Work) -> str:
    from chartly.api.coordinator.v1 import coordinator_pb2 as pb

    progress = work.progress
    if work.state == pb.WORK_STATE_QUEUED:
        failed = f"attempt {work.attempts} failed: {work.message}  " if work.message else ""
        return f"{failed}waits for a drone"
    records = f"  {number(progress.receipt.extracted)} records" if progress.receipt.extracted else ""
    if work.state == pb.WORK_STATE_PAUSED and progress.HasField("resume_time"):
        left = (progress.resume_time.ToDatetime(UTC) - datetime.now(UTC)).total_seconds()
        return f"{progress.message}{records}  goes on in {duration(max(left, 0))}"
    return f"{progress.message}{records}"


def _show_end(run: Run) -> None:
    from chartly.api.run.v1.run_pb2 import PagingEnd

    receipt = run.receipt
    seconds = (run.end_time.ToDatetime(UTC) - run.start_time.ToDatetime(UTC)).total_seconds()
    said = [duration(seconds)] if run.HasField("end_time") and run.HasField("start_time") else []
    if receipt.pages:
        said.append(counted(receipt.pages, "page"))
    if receipt.paging_end:
        said.append(f"ended: {word(PagingEnd, receipt.paging_end).lower().replace('_', ' ')}{_limit(receipt.limit)}")
    if receipt.pauses:
        said.append(f"paused {counted(receipt.pauses, 'time')}")
    facts = ", ".join(said)
    click.echo(f"{word_of(run)}: {run.message}" if run.message else f"{word_of(run)} {facts}".rstrip())
    if run.message and facts:
        click.echo(f"after {facts}")
    if run.HasField("receipt"):
        click.echo(receipt_line(receipt))
    if receipt.quarantined:
        click.echo(f"see: chartly quarantine list {run.profile_id}")


def _limit(name: str) -> str:
    return f" {name}" if name else ""


def _row(run: Run) -> tuple[str, ...]:
    receipt, began = run.receipt, ago(run.start_time, datetime.now(UTC))
    counts = (number(receipt.extracted), number(receipt.delivered), number(receipt.quarantined))
    return run.run_id, run.profile_id, word_of(run), began, *counts, run.message
