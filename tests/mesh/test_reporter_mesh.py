"""Reports over real datasets: auth, audit, storage, analytics and reporter, each on a free port."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly import runtime
from chartly.analytics.__main__ import wire as wire_analytics
from chartly.analytics.config import AnalyticsSettings
from chartly.api.analytics.v1 import analytics_pb2
from chartly.api.analytics.v1.analytics_pb2_grpc import AnalyticsServiceStub
from chartly.api.audit.v1 import audit_pb2
from chartly.api.audit.v1.audit_pb2_grpc import AuditServiceStub
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.reporter.v1 import reporter_pb2 as pb
from chartly.api.reporter.v1.reporter_pb2_grpc import ReporterServiceStub
from chartly.api.run.v1 import run_pb2
from chartly.api.storage.v1 import storage_pb2
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.audit.__main__ import wire as wire_audit
from chartly.audit.config import AuditSettings
from chartly.audit.store import AuditStore
from chartly.auth.__main__ import wire as wire_auth
from chartly.auth.config import AuthSettings
from chartly.auth.store import AuthStore
from chartly.reporter.__main__ import wire as wire_reporter
from chartly.reporter.config import ReporterSettings
from chartly.reporter.store import ReporterStore
from chartly.reporter.tables import results
from chartly.runtime.keys import generate_secret
from chartly.storage.__main__ import wire as wire_storage
from chartly.storage.config import StorageSettings
from chartly.storage.store import StorageStore
from chartly.storage.tables import snapshots
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import json_format
from sqlalchemy import select

START = datetime(2013, 1, 1, 5, tzinfo=UTC)
TYPES = {"origin": ("dim", pa.string()), "dep_delay": ("measure", pa.float64()), "precip": ("measure", pa.float64())}
BY_RAIN = {
    "name": "delay-by-rain",
    "inputs": [
        {"profile_id": "nyc-flights", "measure": "dep_delay", "statistic": "mean"},
        {"profile_id": "nyc-weather", "measure": "precip"},
    ],
    "join": ["origin", "observed_at"],
    "window": {"start_time": "2013-01-01T05:00:00Z", "end_time": "2014-01-01T05:00:00Z"},
    "output": {
        "type": "table",
        "statistic": "mean",
        "bands": {"measure": "precip", "upper_bounds": [{"label": "dry", "at_most": 0}, {"label": "wet"}]},
    },
}
CORRELATION = BY_RAIN | {"name": "delay-vs-weather", "output": {"type": "correlation", "method": "pearson"}}
FLIGHTS = [("EWR", 0, 10.0), ("EWR", 0, 20.0), ("EWR", 1, 40.0), ("JFK", 1, 5.0), ("JFK", 2, None), ("JFK", 9000, 1.0)]
WEATHER = [("EWR", 0, 0.0), ("EWR", 1, 0.2), ("JFK", 1, 0.0), ("JFK", 2, 0.3), ("JFK", 3, 0.4)]


@dataclass
class Mesh:
    """The services that reports need."""

    data_dir: Path
    stack: AsyncExitStack
    urls: dict[str, str] = field(default_factory=dict)
    stores: dict[str, Any] = field(default_factory=dict)

    async def start(
        self, settings_class: Any, wire: Callable[..., Any], store_class: Any = None, *, port: int = 0
    ) -> runtime.Server:
        """Start a service, which knows those that started before; it stops at the end."""
        settings = settings_class(**{**self.settings(settings_class.service), "port": port, "metrics_port": 0})
        clients = await self.stack.enter_async_context(runtime.Clients(settings))
        arguments = [settings, clients]
        if store_class is not None:
            store = await self.stack.enter_async_context(store_class.open(settings.database_url))
            self.stores[settings.service] = store
            arguments.insert(1, store)
        wired = wire(*arguments)
        server: runtime.Server = await wired if asyncio.iscoroutine(wired) else wired
        self.urls[f"{settings.service}_url"] = f"127.0.0.1:{await server.start()}"
        self.stack.push_async_callback(server.stop)
        return server

    def settings(self, service: str) -> dict[str, Any]:
        away = {f"{name}_url": "127.0.0.1:1" for name in ("auth", "audit", "storage", "analytics")}
        key_file = self.data_dir / "keys" / f"{service}.key"
        own = {"port": 0, "data_dir": self.data_dir, "api_key_file": key_file, "drain_seconds": 1}
        return {**own, **away, **self.urls}

    def clients(self, key: str = "admin.key") -> runtime.Clients:
        """Clients of a caller: admin, a service, or with no key anonymous."""
        file = {"api_key_file": self.data_dir / key if key else None}
        return runtime.Clients(ReporterSettings(**{**self.settings("reporter"), **self.urls, **file}))

    def stub(self, stub_class: Any, key: str = "admin.key") -> Any:
        clients = self.clients(key)
        self.stack.push_async_callback(clients.close)
        return clients.stub(stub_class)

    async def commit(
        self, dataset_id: str, measure: str, rows: Sequence[tuple[str, int, float | None]], run: str
    ) -> None:
        """Commit rows of origin, hour and measure as one run."""
        storage = self.stub(StorageServiceStub, "keys/storage.key")
        work_key = hashlib.sha256(f"{dataset_id} {run}".encode()).hexdigest()
        stage = await storage.CreateStage(
            storage_pb2.CreateStageRequest(dataset_id=dataset_id, work_key=work_key, token=1)
        )
        table = a_table(measure, rows, run)
        path = Path(urlparse(stage.uri).path) / "data" / "part-0.parquet"
        pq.write_table(table, path)
        request = storage_pb2.CommitRunRequest(
            dataset_id=dataset_id,
            work_key=work_key,
            token=1,
            stage_id=stage.stage_id,
            run_id=run,
            revision=storage_pb2.ProfileRevision(
                profile_id=dataset_id, revision=1, version="1.0.0", digest=f"sha256:{dataset_id}"
            ),
            arrow_schema=table.schema.serialize().to_pybytes(),
            receipt=run_pb2.Receipt(extracted=len(rows), delivered=len(rows)),
            state=run_pb2.RUN_STATE_SUCCEEDED,
            trigger=run_pb2.TRIGGER_MANUAL,
        )
        request.data_files.add(name=path.name, row_count=len(rows), size_bytes=path.stat().st_size)
        await storage.CommitRun(request)

    async def entries(self, count: int, action: str = "report.create") -> list[audit_pb2.Event]:
        """The ledger's entries of an action, once there are as many."""
        audit, found = self.stub(AuditServiceStub), list[audit_pb2.Event]()

        async def are_there() -> bool:
            answer = await audit.ListEntries(audit_pb2.ListEntriesRequest(action=action))
            found[:] = [entry.event for entry in answer.entries]
            return len(found) >= count

        await until(are_there)
        return found


def a_table(measure: str, rows: Sequence[tuple[str, int, float | None]], run: str) -> pa.Table:
    system = {"kind": "system"}
    schema = pa.schema(
        [
            pa.field("record_id", pa.string(), metadata=system),
            pa.field("run_id", pa.string(), metadata=system),
            pa.field("observed_at", pa.timestamp("us", "UTC"), metadata=system),
            *(pa.field(name, TYPES[name][1], metadata={"kind": TYPES[name][0]}) for name in ("origin", measure)),
        ]
    )
    columns = {
        "record_id": [hashlib.sha256(repr(row).encode()).hexdigest() for row in rows],
        "run_id": [run] * len(rows),
        "observed_at": [START + timedelta(hours=hour) for _, hour, _ in rows],
        "origin": [origin for origin, _, _ in rows],
        measure: [value for _, _, value in rows],
    }
    return pa.table(columns, schema=schema)


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    """All but the reporter, with flights and weather."""
    (tmp_path / "keys").mkdir()
    for name in ("admin", "keys/audit", "keys/auth", "keys/storage", "keys/analytics", "keys/reporter", "keys/drone"):
        (tmp_path / f"{name}.key").write_text(generate_secret())
    async with AsyncExitStack() as stack:
        mesh = Mesh(tmp_path, stack)
        await mesh.start(AuthSettings, wire_auth, AuthStore)
        await mesh.start(AuditSettings, wire_audit, AuditStore)
        await mesh.start(StorageSettings, wire_storage, StorageStore)
        await mesh.start(AnalyticsSettings, wire_analytics)
        await mesh.commit("nyc-flights", "dep_delay", FLIGHTS, "r-1")
        await mesh.commit("nyc-weather", "precip", WEATHER, "r-2")
        yield mesh


@pytest.fixture
async def reporter(mesh: Mesh) -> Any:
    """The stub of a reporter in the mesh, for admin."""
    await mesh.start(ReporterSettings, wire_reporter, ReporterStore)
    return mesh.stub(ReporterServiceStub)


def a_request(definition: Mapping[str, Any] = BY_RAIN, request_id: str = "", **changes: Any) -> pb.CreateReportRequest:
    body = HttpBody(content_type="application/json", data=json.dumps({**definition, **changes}).encode())
    return pb.CreateReportRequest(body=body, request_id=request_id)


async def create(reporter: Any, *arguments: Any, **options: Any) -> pb.Report:
    answer: pb.CreateReportResponse = await reporter.CreateReport(a_request(*arguments, **options))
    return answer.report


async def refusal(call: Any) -> runtime.ChartlyError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return runtime.error_of(caught.value)


def reason_of(error: runtime.ChartlyError) -> str:
    return ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")


def figures(report: pb.Report) -> list[tuple[str, int, list[float]]]:
    return [(row.band, row.count, [value.number_value for value in row.values]) for row in report.table.rows]


async def artifact(mesh: Mesh, digest: str) -> bytes:
    request = storage_pb2.GetArtifactRequest(digest=digest)
    return b"".join([body.data async for body in mesh.stub(StorageServiceStub).GetArtifact(request)])


async def test_a_table_says_what_it_read_and_is_kept_as_an_artifact(mesh: Mesh, reporter: Any) -> None:
    report = await create(reporter)
    assert report.state == pb.REPORT_STATE_SUCCEEDED
    assert list(report.table.columns) == ["band", "count", "dep_delay"]
    assert figures(report) == [("dry", 2, [10.0]), ("wet", 1, [40.0])]
    assert [(s.dataset_id, s.dataset_version, s.profile_version, s.profile_digest) for s in report.sources] == [
        ("nyc-flights", 1, "1.0.0", "sha256:nyc-flights"),
        ("nyc-weather", 1, "1.0.0", "sha256:nyc-weather"),
    ]
    kept = await artifact(mesh, report.result_digest)
    assert report.result_digest == f"sha256:{hashlib.sha256(kept).hexdigest()}"
    assert (await reporter.GetReport(pb.GetReportRequest(report_id="delay-by-rain"))).report == report
    assert (await reporter.GetReport(pb.GetReportRequest(report_id=report.report_id))).report == report
    [event] = await mesh.entries(1)
    assert (event.outcome, event.resource, event.actor) == ("OK", "reports/delay-by-rain", "key/admin")


async def test_results_are_exported_as_csv_json_and_parquet(mesh: Mesh, reporter: Any) -> None:
    report = await create(reporter, CORRELATION)
    [pair] = report.correlations.pairs
    assert (pair.left.measure, pair.right.measure, pair.n) == ("dep_delay", "precip", 3)

    async def exported(wanted: str) -> bytes:
        request = pb.ExportReportRequest(report_id=report.report_id, format=wanted)
        answer: HttpBody = await reporter.ExportReport(request)
        return answer.data

    [row] = csv.DictReader(io.StringIO((await exported("")).decode()))
    assert (float(row["coefficient"]), row["n"]) == (pair.coefficient, "3")
    assert await exported("json") == await artifact(mesh, report.result_digest)
    [row] = pq.read_table(io.BytesIO(await exported("parquet"))).to_pylist()
    assert row["coefficient"] == pair.coefficient
    assert reason_of(await refusal(exported("xlsx"))) == "UNKNOWN_FORMAT"


async def test_a_name_created_again_has_a_new_result_and_equal_rows_the_same_digest(mesh: Mesh, reporter: Any) -> None:
    first = await create(reporter)
    await mesh.commit("nyc-flights", "dep_delay", FLIGHTS[::-1], "r-3")
    second = await create(reporter)
    assert [source.dataset_version for source in second.sources] == [2, 1]
    assert (second.report_id, second.result_digest) == (first.report_id, first.result_digest)
    assert second.create_time == first.create_time
    assert second.result_time.ToDatetime() > first.result_time.ToDatetime()
    third = await create(reporter, {**BY_RAIN, "window": {"start_time": "2013-01-01T06:00:00Z"}})
    assert third.report_id == first.report_id
    assert figures(third) == [("dry", 1, [5.0]), ("wet", 1, [40.0])]
    assert len((await reporter.ListReports(pb.ListReportsRequest())).reports) == 1


async def test_a_request_id_answers_its_first_result(mesh: Mesh, reporter: Any) -> None:
    first = await create(reporter, request_id="load-1")
    await create(reporter, {**BY_RAIN, "window": {"start_time": "2013-01-01T06:00:00Z"}})
    assert await create(reporter, request_id="load-1") == first
    error = await refusal(reporter.CreateReport(a_request(CORRELATION, request_id="load-1")))
    assert (error.code, reason_of(error)) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert [event.outcome for event in await mesh.entries(4)] == ["OK", "OK", "OK", "ALREADY_EXISTS"]


async def test_calls_at_once_with_one_request_id_have_one_result(mesh: Mesh, reporter: Any) -> None:
    found = await asyncio.gather(*(create(reporter, request_id="load-1") for _ in range(8)))
    assert all(report == found[0] for report in found)
    async with mesh.stores["reporter"].database.read() as connection:
        assert len((await connection.execute(select(results.c.number))).all()) == 1
    assert len(await mesh.entries(8)) == 8


async def test_a_report_that_cannot_be_made_leaves_nothing_but_its_entry(mesh: Mesh, reporter: Any) -> None:
    await mesh.commit("nyc-weather", "precip", [("EWR", 1, 9.9)], "r-4")
    error = await refusal(reporter.CreateReport(a_request()))
    assert (error.code, reason_of(error)) == (grpc.StatusCode.FAILED_PRECONDITION, "SEVERAL_ROWS_PER_KEY")
    assert "(EWR, 2013-01-01T06:00:00Z)" in error.message
    unknown = [{"profile_id": "moon", "measure": "dust"}]
    error = await refusal(
        reporter.CreateReport(a_request(inputs=unknown, output={"type": "table", "statistic": "mean"}))
    )
    assert (error.code, reason_of(error)) == (grpc.StatusCode.NOT_FOUND, "DATASET_NOT_FOUND")
    assert not (await reporter.ListReports(pb.ListReportsRequest())).reports
    assert (
        reason_of(await refusal(reporter.GetReport(pb.GetReportRequest(report_id="delay-by-rain"))))
        == "REPORT_NOT_FOUND"
    )
    assert [event.outcome for event in await mesh.entries(2)] == ["FAILED_PRECONDITION", "NOT_FOUND"]


async def test_a_failure_leaves_an_earlier_result_as_it_was(mesh: Mesh, reporter: Any) -> None:
    first = await create(reporter)
    assert reason_of(await refusal(reporter.CreateReport(a_request(join=["origin"])))) == "SEVERAL_ROWS_PER_KEY"
    assert (await reporter.GetReport(pb.GetReportRequest(report_id="delay-by-rain"))).report == first


async def test_a_body_is_parsed_strictly(mesh: Mesh, reporter: Any) -> None:
    async def refused(content: bytes, media_type: str = "application/json") -> runtime.ChartlyError:
        body = HttpBody(content_type=media_type, data=content)
        return await refusal(reporter.CreateReport(pb.CreateReportRequest(body=body)))

    typos = b"name: Delay By Rain\ninptus: []\njoin: [origin]\noutput: {type: table}\n"
    error = await refused(typos, "application/yaml")
    assert (error.code, reason_of(error)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_DOCUMENT")
    assert "Nothing was saved." in error.message
    found = {violation.field: violation.description for violation in error.violations}
    assert found["inptus"] == '2:1 unknown key "inptus"; did you mean "inputs"?'
    assert {"name", "output"} <= set(found)
    assert reason_of(await refused(b"<p>", "text/html")) == "UNSUPPORTED_MEDIA_TYPE"
    assert reason_of(await refused(b" " * (1 << 20) + b"{}")) == "BODY_TOO_LARGE"
    assert reason_of(await refused(b'{"name": "a", "name": "b"}')) == "INVALID_DOCUMENT"


async def test_a_typed_definition_in_yaml_or_as_a_message_is_the_same_report(mesh: Mesh, reporter: Any) -> None:
    first = await create(reporter)
    typed = await reporter.CreateReport(pb.CreateReportRequest(definition=first.definition))
    assert typed.report.result_digest == first.result_digest
    invalid = pb.ReportDefinition(name="Not A Name")
    error = await refusal(reporter.CreateReport(pb.CreateReportRequest(definition=invalid)))
    assert reason_of(error) == "INVALID_FIELD"


async def test_reports_are_listed_by_name_in_pages(mesh: Mesh, reporter: Any) -> None:
    for name in ("c", "a", "b"):
        await create(reporter, {**BY_RAIN, "name": name})
    first = await reporter.ListReports(pb.ListReportsRequest(page_size=2))
    rest = await reporter.ListReports(pb.ListReportsRequest(page_size=2, page_token=first.next_page_token))
    assert [report.name for page in (first, rest) for report in page.reports] == ["a", "b", "c"]
    assert not rest.next_page_token
    assert not first.reports[0].HasField("definition")
    assert first.reports[0].result_digest


async def test_a_viewer_reads_reports_and_creates_none(mesh: Mesh, reporter: Any) -> None:
    await create(reporter)
    viewer = mesh.stub(ReporterServiceStub, "")
    assert (await viewer.GetReport(pb.GetReportRequest(report_id="delay-by-rain"))).report.table.rows
    assert reason_of(await refusal(viewer.CreateReport(a_request()))) == "PERMISSION_MISSING"


async def test_watchers_hear_of_each_start_and_end(mesh: Mesh, reporter: Any) -> None:
    watch = reporter.WatchReports(pb.WatchReportsRequest())
    answers = aiter(watch)
    assert not (await anext(answers)).HasField("report")
    await create(reporter)
    states = [(await anext(answers)).report.state for _ in range(2)]
    assert states == [pb.REPORT_STATE_RUNNING, pb.REPORT_STATE_SUCCEEDED]
    watch.cancel()


@contextmanager
def silence() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


async def test_a_report_that_takes_longer_than_its_call_is_answered_as_running(mesh: Mesh) -> None:
    analytics = mesh.urls["analytics_url"]
    with silence() as mesh.urls["analytics_url"]:
        server = await mesh.start(ReporterSettings, wire_reporter, ReporterStore)
        reporter = mesh.stub(ReporterServiceStub)
        report = (await reporter.CreateReport(a_request(), timeout=1.5)).report
        assert (report.state, report.result_digest) == (pb.REPORT_STATE_RUNNING, "")
        assert (
            reason_of(await refusal(reporter.ExportReport(pb.ExportReportRequest(report_id="delay-by-rain"))))
            == "REPORT_NOT_READY"
        )
        assert [event.outcome for event in await mesh.entries(1)] == ["OK"]
        await server.stop()
    mesh.urls["analytics_url"] = analytics
    await mesh.start(ReporterSettings, wire_reporter, ReporterStore)
    assert (await ended(mesh)).table.rows
    assert len(await mesh.entries(1)) == 1


async def test_a_report_that_was_running_when_its_process_was_killed_is_finished_by_the_next(mesh: Mesh) -> None:
    analytics = mesh.urls["analytics_url"]
    with silence() as mesh.urls["analytics_url"], socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        environment = {f"CHARTLY_{name.upper()}": str(value) for name, value in mesh.settings("reporter").items()}
        environment |= {"CHARTLY_PORT": str(port), "CHARTLY_METRICS_PORT": "0"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "chartly.reporter", env=os.environ | environment, stderr=asyncio.subprocess.DEVNULL
        )
        mesh.urls["reporter_url"] = f"127.0.0.1:{port}"
        reporter = mesh.stub(ReporterServiceStub)
        async with asyncio.timeout(20):
            await until(lambda: answers(reporter))
            call = asyncio.ensure_future(reporter.CreateReport(a_request(request_id="once")))
            await until(lambda: is_there(reporter))
            process.send_signal(signal.SIGKILL)
            await process.wait()
            with pytest.raises(grpc.aio.AioRpcError):
                await call
    mesh.urls["analytics_url"] = analytics
    await mesh.start(ReporterSettings, wire_reporter, ReporterStore)
    report = await ended(mesh)
    assert figures(report) == [("dry", 2, [10.0]), ("wet", 1, [40.0])]
    assert await create(mesh.stub(ReporterServiceStub), request_id="once") == report
    events = await mesh.entries(2)
    assert [event.outcome for event in events] == ["OK", "OK"]


async def test_a_report_left_running_that_cannot_be_made_says_why(mesh: Mesh) -> None:
    analytics = mesh.urls["analytics_url"]
    with silence() as mesh.urls["analytics_url"]:
        server = await mesh.start(ReporterSettings, wire_reporter, ReporterStore)
        await mesh.stub(ReporterServiceStub).CreateReport(a_request(join=["origin"]), timeout=1.5)
        await server.stop()
    mesh.urls["analytics_url"] = analytics
    await mesh.start(ReporterSettings, wire_reporter, ReporterStore)
    report = await ended(mesh)
    assert (report.state, report.reason) == (pb.REPORT_STATE_FAILED, "ERROR_REASON_SEVERAL_ROWS_PER_KEY")
    assert report.message.startswith("nyc-weather has several rows for 2 join keys, such as (EWR) and (JFK)")
    assert [event.outcome for event in await mesh.entries(1)] == ["OK"]


async def test_a_report_left_running_waits_until_analytics_is_back(mesh: Mesh) -> None:
    with silence() as mesh.urls["analytics_url"]:
        server = await mesh.start(ReporterSettings, wire_reporter, ReporterStore)
        await mesh.stub(ReporterServiceStub).CreateReport(a_request(), timeout=1.5)
        await server.stop()
    port = int(mesh.urls["analytics_url"].rpartition(":")[2])
    await mesh.start(ReporterSettings, wire_reporter, ReporterStore)
    report = (await mesh.stub(ReporterServiceStub).GetReport(pb.GetReportRequest(report_id="delay-by-rain"))).report
    assert report.state == pb.REPORT_STATE_RUNNING
    await mesh.start(AnalyticsSettings, wire_analytics, port=port)
    assert (await ended(mesh)).state == pb.REPORT_STATE_SUCCEEDED


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it does not come to hold")


async def answers(reporter: Any) -> bool:
    try:
        await reporter.ListReports(pb.ListReportsRequest())
    except grpc.aio.AioRpcError:
        return False
    return True


async def is_there(reporter: Any) -> bool:
    return bool((await reporter.ListReports(pb.ListReportsRequest())).reports)


async def ended(mesh: Mesh) -> pb.Report:
    """The report, once it is no longer running."""
    reporter, found = mesh.stub(ReporterServiceStub), pb.Report()

    async def has_ended() -> bool:
        answer = await reporter.GetReport(pb.GetReportRequest(report_id="delay-by-rain"))
        found.CopyFrom(answer.report)
        return found.state != pb.REPORT_STATE_RUNNING

    await until(has_ended)
    return found


async def test_analytics_reads_as_its_caller_and_closes_what_it_opened(mesh: Mesh) -> None:
    asked = {name: BY_RAIN[name] for name in ("inputs", "join", "window")}
    request = analytics_pb2.AggregateRequest(query=json_format.ParseDict(asked, analytics_pb2.Query()))
    request.output.statistic = "maximum"
    answer = await mesh.stub(AnalyticsServiceStub, "").Aggregate(request)
    assert [value.number_value for value in answer.table.rows[0].values] == [40.0, 0.2]
    drone = mesh.stub(AnalyticsServiceStub, "keys/drone.key")
    assert reason_of(await refusal(drone.Aggregate(request))) == "PERMISSION_MISSING"
    async with mesh.stores["storage"].database.read() as connection:
        assert (await connection.execute(select(snapshots))).all() == []
