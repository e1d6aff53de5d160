"""The demo's five steps, as calls that any client could make."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
from chartly.api.aggregator.v1.aggregator_pb2 import GetRunRequest, ReplayQuarantineRequest
from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub
from chartly.api.coordinator.v1.coordinator_pb2 import RunNowRequest
from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
from chartly.api.registry.v1.registry_pb2 import CreateProfileRequest, Revision, UpdateProfileRequest
from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from chartly.api.reporter.v1.reporter_pb2 import REPORT_STATE_SUCCEEDED, CreateReportRequest, Report
from chartly.api.reporter.v1.reporter_pb2_grpc import ReporterServiceStub
from chartly.api.run.v1.run_pb2 import RUN_STATE_PAUSED, RUN_STATE_RUNNING, PagingEnd, Run, RunState
from chartly.api.storage.v1.storage_pb2 import GetDatasetRequest
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.cli.demo.data import document
from chartly.cli.session import Session
from chartly.cli.text import counted, number, receipt_line, word
from google.api.httpbody_pb2 import HttpBody

DIGEST_DIGITS = 16
_POLL_SECONDS = 0.05
_START_SECONDS = 30.0


class StepFailed(Exception):
    """A step did not come out as it must; the message says what came instead."""


async def run_steps(session: Session) -> None:
    """Do the main job, from two profiles to two reports, and print what becomes of it.

    Raises:
        StepFailed: a run or a report failed, or the weather's records do not come out as the demo says.
    """
    steps = _Steps(session)
    await steps.load_flights()
    await steps.load_weather()
    await steps.mend_weather()
    await steps.report()
    await steps.load_flights_again()


class _Steps:
    def __init__(self, session: Session) -> None:
        self._registry = session.stub(RegistryServiceStub)
        self._coordinator = session.stub(CoordinatorServiceStub)
        self._aggregator = session.stub(AggregatorServiceStub)
        self._storage = session.stub(StorageServiceStub)
        self._reporter = session.stub(ReporterServiceStub)

    async def load_flights(self) -> None:
        _heading("1. Load a year of flights from a file")
        await self._create_profile("nyc-flights.yaml")
        began = time.monotonic()
        run = await self._run("nyc-flights")
        seconds = time.monotonic() - began
        speed = number(round(run.receipt.extracted / seconds))
        _say(f"{number(run.receipt.extracted)} records in {seconds:.1f} s, {speed} a second")
        await self._show_dataset("nyc-flights")

    async def load_weather(self) -> None:
        _heading("2. Load the weather over HTTP, from a server that misbehaves")
        await self._create_profile("nyc-weather.yaml")
        run = await self._run("nyc-weather")
        _say(
            f"{run.receipt.quarantined} quarantined, nothing truncated: precip is `T`, the weather service's word for a trace"
        )
        await self._show_dataset("nyc-weather")

    async def mend_weather(self) -> None:
        _heading("3. Mend the profile and replay what was quarantined")
        mended = document("nyc-weather.yaml").replace(b"precip: {", b"precip: {replace: {T: 0}, ")
        answer = await self._registry.UpdateProfile(
            UpdateProfileRequest(profile_id="nyc-weather", body=HttpBody(content_type="application/yaml", data=mended))
        )
        _say("+ precip: {replace: {T: 0}, …}")
        _show_revision(answer.revision)
        replay = await self._aggregator.ReplayQuarantine(ReplayQuarantineRequest(profile_id="nyc-weather"))
        _say(f"replayed {replay.run.receipt.extracted}, delivered {replay.run.receipt.delivered}")
        _say(receipt_line(replay.run.receipt))
        await self._show_dataset("nyc-weather")

    async def report(self) -> None:
        _heading("4. Ask what the weather does to departures")
        by_rain = await self._create_report("delay-by-rain")
        for row in by_rain.table.rows:
            _say(f"{row.band:<12}{row.values[0].number_value:>8.2f} min over {number(row.count)} origin-hours")
        against = await self._create_report("delay-vs-weather")
        for pair in against.correlations.pairs:
            if pair.left.measure == "dep_delay":
                _say(f"dep_delay ~ {pair.right.measure:<12}{pair.coefficient:>+8.4f}  n {number(pair.n)}")

    async def load_flights_again(self) -> None:
        _heading("5. Load the flights again: nothing is new, and the digests are the same")
        run = await self._run("nyc-flights")
        if run.receipt.deduplicated != run.receipt.extracted:
            raise StepFailed(f"the second load of the same file delivered {run.receipt.delivered} records")
        await self._show_dataset("nyc-flights")

    async def _create_profile(self, name: str) -> None:
        body = HttpBody(content_type="application/yaml", data=document(name))
        answer = await self._registry.CreateProfile(CreateProfileRequest(body=body))
        _show_revision(answer.revision)

    async def _run(self, profile_id: str) -> Run:
        """Run a profile and follow it to its end."""
        work = (await self._coordinator.RunNow(RunNowRequest(profile_id=profile_id))).work
        run = await self._ended(work.run_id)
        state = word(RunState, run.state)
        if state != "SUCCEEDED":
            raise StepFailed(f"{state}: {run.message}")
        pages, end = counted(run.receipt.pages, "page"), word(PagingEnd, run.receipt.paging_end).lower()
        _say(f"{state}, {pages}, ended: {end}")
        _say(receipt_line(run.receipt))
        return run

    async def _ended(self, run_id: str) -> Run:
        """Follow a run to its end, and say when it first pauses and resumes."""
        has_paused = has_resumed = False
        while True:
            run = await self._observed(run_id)
            is_paused = run.state == RUN_STATE_PAUSED
            if is_paused and not has_paused:
                _say(run.message)
            if has_paused and not is_paused and not has_resumed:
                _say("resumed after the pause, with every page that was there")
                has_resumed = True
            if run.state not in (RUN_STATE_RUNNING, RUN_STATE_PAUSED):
                return run
            has_paused = has_paused or is_paused
            await asyncio.sleep(_POLL_SECONDS)

    async def _observed(self, run_id: str) -> Run:
        """Return a run, which is there a moment after its work item."""
        import grpc

        for _ in range(round(_START_SECONDS / _POLL_SECONDS)):
            try:
                return (await self._aggregator.GetRun(GetRunRequest(run_id=run_id))).run
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(_POLL_SECONDS)
        raise StepFailed(f"run {run_id} did not begin within {_START_SECONDS:g} s")

    async def _show_dataset(self, dataset_id: str) -> None:
        dataset = (await self._storage.GetDataset(GetDatasetRequest(dataset_id=dataset_id))).dataset
        _say(f"dataset {dataset_id} {_digits(dataset.digest)}   {number(dataset.row_count)} rows")

    async def _create_report(self, name: str) -> Report:
        body = HttpBody(content_type="application/json", data=document(f"{name}.json"))
        report = (await self._reporter.CreateReport(CreateReportRequest(body=body))).report
        if report.state != REPORT_STATE_SUCCEEDED:
            raise StepFailed(f"the report {name} failed: {report.message}")
        _say(f"report {name} {_digits(report.result_digest)}")
        return report


@asynccontextmanager
async def weather_api(port: int) -> AsyncIterator[None]:
    """Serve the weather from a process of its own for the length of the block."""
    import sys
    from asyncio.subprocess import PIPE

    command = (sys.executable, "-m", "chartly.cli.demo.weather_api", "--port", str(port))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise StepFailed(f"the weather server did not start on port {port}")
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _show_revision(revision: Revision) -> None:
    _say(f"profile {revision.profile_id} {_digits(revision.digest)}   {revision.version}")


def _digits(digest: str) -> str:
    return digest[: len("sha256:") + DIGEST_DIGITS]


def _heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _say(text: str) -> None:
    click.echo(f"   {text}")
