"""Storage behind its wire: real auth and audit beside it, and two processes on one folder."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly import runtime
from chartly.api.audit.v1 import audit_pb2
from chartly.api.audit.v1.audit_pb2_grpc import AuditServiceStub
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.run.v1 import run_pb2
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.audit.__main__ import wire as wire_audit
from chartly.audit.config import AuditSettings
from chartly.audit.store import AuditStore
from chartly.auth.__main__ import wire as wire_auth
from chartly.auth.config import AuthSettings
from chartly.auth.store import AuthStore
from chartly.runtime.keys import generate_secret
from chartly.storage.__main__ import wire as wire_storage
from chartly.storage.config import StorageSettings
from chartly.storage.store import StorageStore
from google.api.httpbody_pb2 import HttpBody

AWAY = "127.0.0.1:1"
SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), metadata={"kind": "system"}),
        pa.field("run_id", pa.string(), metadata={"kind": "system"}),
        pa.field("observed_at", pa.timestamp("us", "UTC"), metadata={"kind": "system"}),
        pa.field("shop", pa.string(), metadata={"kind": "dim"}),
    ]
)


class Mesh:
    """Auth and audit, and storage once it is started."""

    def __init__(self, data_dir: Path, stack: AsyncExitStack) -> None:
        self.data_dir = data_dir
        self.stack = stack
        self.urls: dict[str, Any] = {}

    def settings(self, kind: Any, **changes: Any) -> Any:
        siblings = {f"{name}_url": AWAY for name in ("auth", "audit", "storage")} | self.urls
        own = {"port": 0, "metrics_port": 0, "data_dir": self.data_dir, "drain_seconds": 2}
        return kind(**{**own, **siblings, "api_key_file": self.data_dir / f"keys/{kind.service}.key", **changes})

    async def start(self, kind: Any, store_kind: Any, wire: Any, **changes: Any) -> runtime.Server:
        settings = self.settings(kind, **changes)
        clients = await self.stack.enter_async_context(runtime.Clients(settings))
        store = await self.stack.enter_async_context(store_kind.open(settings.database_url))
        wired = wire(settings, store, clients)
        server: runtime.Server = await wired if asyncio.iscoroutine(wired) else wired
        self.urls[f"{kind.service}_url"] = f"127.0.0.1:{await server.start()}"
        self.stack.push_async_callback(server.stop)
        return server

    def stub(self, stub_class: Any = StorageServiceStub, key: str = "keys/drone.key", url: str = "") -> Any:
        urls = {"storage_url": url} if url else {}
        settings = self.settings(StorageSettings, api_key_file=self.data_dir / key if key else None, **urls)
        clients = runtime.Clients(settings)
        self.stack.push_async_callback(clients.close)
        return clients.stub(stub_class)

    async def entries(self, count: int) -> list[audit_pb2.Event]:
        """The ledger's entries, once there are so many."""
        audit = self.stub(AuditServiceStub, key="admin.key")
        async with asyncio.timeout(20):
            while True:
                answer = await audit.ListEntries(audit_pb2.ListEntriesRequest())
                if len(answer.entries) >= count:
                    return [entry.event for entry in answer.entries]
                await asyncio.sleep(0.02)


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    (tmp_path / "keys").mkdir()
    for name in ("admin", "keys/auth", "keys/audit", "keys/storage", "keys/drone"):
        (tmp_path / f"{name}.key").write_text(generate_secret())
    async with AsyncExitStack() as stack:
        mesh = Mesh(tmp_path, stack)
        await mesh.start(AuthSettings, AuthStore, wire_auth)
        await mesh.start(AuditSettings, AuditStore, wire_audit)
        yield mesh


@pytest.fixture
async def server(mesh: Mesh) -> runtime.Server:
    return await mesh.start(StorageSettings, StorageStore, wire_storage, max_artifact_bytes=1 << 20)


async def stage(storage: Any, work: str, shops: Sequence[str]) -> pb.CommitRunRequest:
    """Stage a run that delivers shops."""
    work_key = sha256(work.encode()).hexdigest()
    opened = await storage.CreateStage(pb.CreateStageRequest(dataset_id="shops", work_key=work_key, token=1))
    rows = [{"record_id": sha256(shop.encode()).hexdigest(), "run_id": work, "shop": shop} for shop in shops]
    path = Path(urlparse(opened.uri).path) / "data" / "part-0.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return pb.CommitRunRequest(
        dataset_id="shops",
        work_key=work_key,
        token=1,
        stage_id=opened.stage_id,
        run_id=work,
        revision=pb.ProfileRevision(profile_id="shops", revision=1),
        arrow_schema=SCHEMA.serialize().to_pybytes(),
        data_files=[pb.StagedFile(name=path.name, row_count=len(rows), size_bytes=path.stat().st_size)],
        receipt=run_pb2.Receipt(extracted=len(rows), delivered=len(rows)),
        state=run_pb2.RUN_STATE_SUCCEEDED,
    )


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return ErrorReason.Name(runtime.error_of(caught.value).reason).removeprefix("ERROR_REASON_")


async def test_each_commit_and_each_refusal_is_in_the_ledger_once(mesh: Mesh, server: runtime.Server) -> None:
    storage = mesh.stub()
    request = await stage(storage, "first", ["Milan", "Rome"])
    assert await refusal(mesh.stub(key="").CommitRun(request)) == "PERMISSION_MISSING"
    wrong = pb.CommitRunRequest.FromString(request.SerializeToString())
    wrong.receipt.extracted = 3
    assert await refusal(storage.CommitRun(wrong)) == "RECEIPT_MISMATCH"
    assert (await storage.CommitRun(request)).commit.receipt.delivered == 2
    assert (await storage.CommitRun(request)).repeated
    events = await mesh.entries(4)
    assert [(event.actor, event.outcome) for event in events] == [
        ("anonymous", "PERMISSION_DENIED"),
        ("key/drone", "FAILED_PRECONDITION"),
        ("key/drone", "OK"),
        ("key/drone", "OK"),
    ]
    assert {(event.action, event.resource) for event in events} == {("dataset.commit", "datasets/shops")}


async def test_a_dataset_streams_to_whoever_may_read(mesh: Mesh, server: runtime.Server) -> None:
    drone, anonymous = mesh.stub(), mesh.stub(key="")
    await drone.CommitRun(await stage(drone, "first", ["Milan"]))
    bodies = [body async for body in anonymous.ReadDataset(pb.ReadDatasetRequest(dataset_id="shops"))]
    assert (bodies[0].content_type, bodies[-1].data) == ("application/x-ndjson", b'{"end":{"row_count":1}}\n')

    async def read(dataset_id: str) -> None:
        async for _ in anonymous.ReadDataset(pb.ReadDatasetRequest(dataset_id=dataset_id)):
            pass

    assert await refusal(read("none")) == "DATASET_NOT_FOUND"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


async def pieces(*contents: bytes, forever: bool = False) -> AsyncIterator[pb.PutArtifactRequest]:
    for content in contents:
        yield pb.PutArtifactRequest(body=HttpBody(content_type="text/plain", data=content))
    if forever:
        await asyncio.Event().wait()


async def test_an_upload_that_is_cut_or_too_large_leaves_only_its_entry(mesh: Mesh, server: runtime.Server) -> None:
    storage = mesh.stub()
    assert await refusal(storage.PutArtifact(pieces(b"x" * (1 << 20), b"x"))) == "BODY_TOO_LARGE"
    spill = mesh.data_dir / "default/spill"
    call = storage.PutArtifact(pieces(b"half", forever=True))
    await until(lambda: bool(list(spill.iterdir())))
    call.cancel()
    kept = (await storage.PutArtifact(pieces(b"whole"))).artifact
    events = await mesh.entries(3)
    assert sorted(event.outcome for event in events) == ["CANCELLED", "OK", "RESOURCE_EXHAUSTED"]
    assert f"artifacts/{kept.digest}" in {event.resource for event in events}
    assert not list(spill.iterdir())
    assert [path.name for path in (mesh.data_dir / "default/artifacts").rglob("*") if path.is_file()] == [
        kept.digest[7:]
    ]


async def test_followers_are_told_to_come_again_when_storage_drains(mesh: Mesh, server: runtime.Server) -> None:
    followed = mesh.stub(key="admin.key").WatchCommits(pb.WatchCommitsRequest())
    assert await followed.read() == pb.WatchCommitsResponse()
    stopping = asyncio.create_task(server.stop())
    assert await refusal(followed.read()) == "DRAINING"
    await stopping


@pytest.fixture
async def processes(mesh: Mesh) -> AsyncIterator[list[str]]:
    """Two processes of storage on one folder, by where they listen."""
    urls = list[str]()
    started = list[asyncio.subprocess.Process]()
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        settings = mesh.settings(StorageSettings, port=port).model_dump(exclude_none=True)
        environment = {f"CHARTLY_{name.upper()}": str(value) for name, value in settings.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "chartly.storage", env={**os.environ, **environment}
        )
        started.append(process)
        urls.append(f"127.0.0.1:{port}")
        async with grpc.aio.insecure_channel(urls[-1]) as channel, asyncio.timeout(30):
            await channel.channel_ready()
    yield urls
    for process in started:
        process.send_signal(signal.SIGTERM)
    assert [await process.wait() for process in started] == [0, 0]


async def test_two_processes_deliver_each_record_once(mesh: Mesh, processes: list[str]) -> None:
    storages = [mesh.stub(url=url) for url in processes]
    runs = [["Milan", "Rome"], ["Rome", "Turin"], ["Turin", "Milan"], ["Naples"], ["Rome", "Naples"], ["Bari", "Milan"]]
    requests = [await stage(storages[number % 2], f"run-{number}", run) for number, run in enumerate(runs)]
    calls = [storages[number % 2].CommitRun(request) for number, request in enumerate(requests)]
    commits = [answer.commit for answer in await asyncio.gather(*calls)]
    assert sorted(commit.version for commit in commits) == list(range(1, 7))
    assert sorted(commit.sequence for commit in commits) == list(range(1, 7))
    assert sum(commit.receipt.delivered for commit in commits) == 5
    assert sum(commit.receipt.deduplicated for commit in commits) == 6
    ids = sorted(sha256(shop.encode()).hexdigest() for shop in {shop for run in runs for shop in run})
    lines = "".join(f"{record_id}\n" for record_id in ids)
    digest = f"sha256:{sha256(lines.encode()).hexdigest()}"
    for url in processes:
        storage = mesh.stub(key="admin.key", url=url)
        dataset = (await storage.GetDataset(pb.GetDatasetRequest(dataset_id="shops"))).dataset
        assert (dataset.row_count, dataset.digest) == (5, digest)
    assert len(await mesh.entries(6)) == 6
