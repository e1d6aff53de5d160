"""What the Python SDK does beside the operations of all SDKs: Arrow, files, following, cancelling, and its own pages."""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.sdk import AsyncChartly, Chartly, DataLoss, DeadlineExceeded, Unavailable
from fault_proxy import Fault
from sdk_suite import Bench, running_bench

SDK = Path(__file__).parents[3] / "sdk" / "python"
PROFILE = {
    "profile_id": "arrivals",
    "source": {"file": {"path": "flights.csv"}},
    "observed_at": {"source": "time"},
    "dims": {"origin": {"type": "string", "required": True}, "number": {"type": "integer"}},
    "measures": {"dep_delay": {"type": "number", "source": "delay"}},
}
FLIGHTS = PROFILE | {"profile_id": "nyc-flights", "dims": {"origin": {"type": "string"}}}
ROWS = "time,origin,delay,number\n2013-01-01T05:00:00Z,EWR,2,9007199254740993\n2013-01-01T06:00:00Z,LGA,4,\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A mesh behind faults, with a dataset of two rows."""
    with running_bench(tmp_path_factory.mktemp("bench")) as running, _client(running) as client:
        client.profiles.create(PROFILE)
        client.runs.upload("arrivals", ROWS.encode(), media_type="text/csv")
        yield running


@pytest.fixture
def client(bench: Bench) -> Iterator[Chartly]:
    bench.proxy.plan([])
    with _client(bench) as client:
        yield client


def _client(bench: Bench) -> Chartly:
    return Chartly(bench.url, api_key=bench.mesh.admin_key)


def _async_client(bench: Bench) -> AsyncChartly:
    bench.proxy.plan([])
    return AsyncChartly(bench.url, api_key=bench.mesh.admin_key)


def test_rows_come_as_arrow(client: Chartly) -> None:
    table = client.datasets.read("arrivals").to_table()
    assert sorted(table["number"].to_pylist(), key=str) == [9007199254740993, None]
    assert table.schema.field("number").type == pa.int64()
    assert table.num_rows == 2


async def test_rows_come_as_arrow_with_asyncio(bench: Bench, client: Chartly) -> None:
    async with _async_client(bench) as other:
        batches = other.datasets.read("arrivals")
        rows = [row async for batch in batches for row in batch.to_pylist()]
    assert rows == client.datasets.read("arrivals").to_table().to_pylist()
    assert batches.row_count == 2


@pytest.mark.parametrize("messages", [0, 1])
def test_an_arrow_stream_that_is_cut_is_told_from_one_that_ends(bench: Bench, client: Chartly, messages: int) -> None:
    bench.proxy.plan([Fault("ReadDataset", after_messages=messages)])
    with pytest.raises(DataLoss, match="was cut after"):
        client.datasets.read("arrivals").to_table()


async def test_an_arrow_stream_that_fails_says_why(bench: Bench) -> None:
    async with _async_client(bench) as client:
        bench.proxy.plan([Fault("ReadDataset", after_messages=1, code="UNAVAILABLE")])
        with pytest.raises(Unavailable) as caught:
            await client.datasets.read("arrivals").to_table()
    assert caught.value.request_id == bench.proxy.seen[0].request_id


def test_a_dataset_is_saved_as_a_file(client: Chartly, tmp_path: Path) -> None:
    path = tmp_path / "flights.parquet"
    assert client.datasets.download("arrivals", format="parquet").save(path) == path.stat().st_size
    assert pq.read_table(path).num_rows == 2


def test_a_profile_is_previewed_and_a_contract_linted(client: Chartly) -> None:
    flights = PROFILE | {"profile_id": "unsaved", "dims": {"origin": {"type": "string"}}}
    records: Any = client.profiles.preview(flights).records
    assert [record["dims"]["origin"] for record in records] == ["EWR", "LGA"]
    assert client.contracts.lint({"type": "object"}, media_type="application/schema+json").digest.startswith("sha256:")
    assert client.contracts.lint({"type": 1}, media_type="application/schema+json").problems


def test_a_contract_is_named_with_its_version_or_apart(client: Chartly) -> None:
    for words in (["lund"], ["lund", "malmo"]):
        schema = {"type": "object", "properties": {"station": {"enum": words}}}
        client.contracts.create("stations", schema, media_type="application/schema+json")
    for named in (("stations@1.0",), ("stations", "1.0.0"), ("stations@1.0.0", "latest")):
        assert [each.path for each in client.contracts.validator(*named).problems({"station": "malmo"})] == ["/station"]
    assert client.contracts.validate("stations@latest", {"station": "malmo"}) == []


def test_a_file_is_uploaded_from_wherever_it_is(client: Chartly, tmp_path: Path) -> None:
    path = tmp_path / "flights.csv"
    path.write_text(ROWS)
    sources: list[Any] = [path, io.BytesIO(ROWS.encode()), [ROWS[:30].encode(), ROWS[30:].encode()]]
    runs = {client.runs.upload("arrivals", source, media_type="text/csv").run_id for source in sources}
    assert runs == {run.run_id for run in client.runs.list(profile_id="arrivals")}


async def test_pieces_are_uploaded_as_they_come(bench: Bench) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield ROWS[:30].encode()
        await asyncio.sleep(0)
        yield ROWS[30:].encode()

    async with _async_client(bench) as client:
        run = await client.runs.upload("arrivals", pieces(), media_type="text/csv")
        assert run.receipt.delivered == 2


def test_a_source_that_fails_leaves_nothing_behind(client: Chartly) -> None:
    def pieces() -> Iterator[bytes]:
        yield ROWS.encode()
        yield b"2013-01-01T07:00:00Z,JFK,"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        client.runs.upload("arrivals", pieces(), media_type="text/csv")
    assert len(list(client.runs.list(profile_id="arrivals"))) == 1


def test_progress_is_told_and_may_end_the_waiting(client: Chartly) -> None:
    def stop(work: Any) -> None:
        raise InterruptedError(work.work_id)

    work = client.runs.start("arrivals")
    with pytest.raises(InterruptedError, match=work.work_id):
        client.runs.wait(work, on_progress=stop)
    told: list[str] = []
    assert client.runs.wait(work, on_progress=lambda now: told.append(now.work_id)).work_id == work.work_id
    assert set(told) == {work.work_id}


def test_waiting_ends_in_time(bench: Bench, client: Chartly) -> None:
    work = client.runs.start("arrivals")
    client.runs.wait(work)
    bench.proxy.plan([Fault("GetRun", code="NOT_FOUND")])
    with pytest.raises(DeadlineExceeded, match="has not ended in time"):
        client.runs.wait(work, timeout=0.3)


def test_another_thread_can_end_what_is_followed(client: Chartly) -> None:
    stream = client.runs.watch()
    timer = threading.Timer(0.2, stream.cancel)
    timer.start()
    assert [bool(change.run.run_id) for change in stream] == [False]
    timer.join()


async def test_cancelling_a_task_cancels_its_call(bench: Bench) -> None:
    async def follow(client: AsyncChartly, stands: asyncio.Event) -> None:
        async for _ in client.runs.watch():
            stands.set()

    async with _async_client(bench) as client:
        stands = asyncio.Event()
        task = asyncio.create_task(follow(client, stands))
        await asyncio.wait_for(stands.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(bench.proxy.saw_a_cancellation)


def test_a_timeout_of_the_client_holds_for_each_call(bench: Bench) -> None:
    bench.proxy.plan([Fault("GetSummary", delay_seconds=5)])
    with Chartly(bench.url, timeout=0.3) as client, pytest.raises(DeadlineExceeded):
        client.results.summary()


def test_the_example_runs(bench: Bench) -> None:
    environment = {**os.environ, "CHARTLY_URL": bench.url, "CHARTLY_API_KEY": bench.mesh.admin_key}
    command = [sys.executable, "-W", "error", str(SDK / "examples" / "flights.py")]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.splitlines() == [
        "3 extracted = 2 delivered + 1 quarantined",
        "EWR 2.0",
        "LGA 4.0",
        'quarantine: delay "late" is not a number',
        "mean delay: 3.0 min",
    ]


def test_the_readme_runs(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.proxy.plan([])
    with _client(bench) as client:
        client.profiles.create(FLIGHTS)
    [code] = re.findall(r"```python\n(.*?)```", (SDK / "README.md").read_text(), re.DOTALL)
    code = code.replace("http://localhost:8090", bench.url).replace("chk_…", bench.mesh.admin_key)
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert "2 records delivered" in said
    assert "2013-01-01T05:00:00Z 2.0" in said
    assert said[-1].startswith("ERROR_REASON_PROFILE_NOT_FOUND {'profile_id': 'nothing'} ")
