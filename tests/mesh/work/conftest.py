"""Auth, registry, storage and coordinator in one process on free ports, a drone, and an HTTP API that misbehaves as told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from chartly import runtime
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
from chartly.api.registry.v1 import registry_pb2
from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from chartly.api.storage.v1 import storage_pb2
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.auth.__main__ import wire as wire_auth
from chartly.auth.config import AuthSettings
from chartly.auth.store import AuthStore
from chartly.coordinator.__main__ import wire as wire_coordinator
from chartly.coordinator.config import CoordinatorSettings
from chartly.coordinator.store import CoordinatorStore
from chartly.drone.config import DroneSettings
from chartly.drone.counters import IngestCounters
from chartly.drone.sources import Sources
from chartly.drone.worker import Worker
from chartly.registry.__main__ import wire as wire_registry
from chartly.registry.config import RegistrySettings
from chartly.registry.store import RegistryStore
from chartly.runtime.keys import generate_secret
from chartly.storage.__main__ import wire as wire_storage
from chartly.storage.config import StorageSettings
from chartly.storage.store import StorageStore
from google.api.httpbody_pb2 import HttpBody
from prometheus_client import CollectorRegistry

KEYS = ("admin", *(f"keys/{name}" for name in ("auth", "registry", "storage", "coordinator", "drone")))
ENDED = (pb.WORK_STATE_SUCCEEDED, pb.WORK_STATE_DEAD, pb.WORK_STATE_CANCELLED)


@dataclass
class Reply:
    """What the API answers: a status, headers and a body, whole or cut short."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    cut_at: int | None = None


class Api:
    """An HTTP API whose answers a test writes. `requests` are the paths and headers that came."""

    def __init__(self) -> None:
        self.answer: Callable[[str, Mapping[str, str]], Reply] = lambda path, headers: Reply(status=404)
        self.requests: list[tuple[str, dict[str, str]]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                api.requests.append((self.path, headers))
                reply = api.answer(self.path, headers)
                self.send_response(reply.status)
                for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut_at])
                self.close_connection = self.close_connection or reply.cut_at is not None

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, answers: Mapping[str, Reply | list[Reply]]) -> None:
        """Answer each path with its reply, or with one of its replies after another, the last for ever."""
        left = {path: list(reply) if isinstance(reply, list) else [reply] for path, reply in answers.items()}

        def answer(path: str, headers: Mapping[str, str]) -> Reply:
            replies = left.get(path, [Reply(status=404)])
            return replies.pop(0) if len(replies) > 1 else replies[0]

        self.answer = answer


@dataclass
class Mesh:
    """The running services, and what to ask them as admin."""

    data_dir: Path
    stack: AsyncExitStack
    urls: dict[str, str] = field(default_factory=dict)
    storage: runtime.Server = field(init=False)

    async def start(
        self, settings_class: Any, wire: Callable[..., Any], store_class: Any, *, port: int = 0, **own: Any
    ) -> runtime.Server:
        settings = settings_class(**self.settings(settings_class.service), port=port, metrics_port=0, **own)
        clients = await self.stack.enter_async_context(runtime.Clients(settings))
        store = await self.stack.enter_async_context(store_class.open(settings.database_url))
        wired = wire(settings, store, clients)
        server: runtime.Server = await wired if asyncio.iscoroutine(wired) else wired
        self.urls[f"{settings.service}_url"] = f"127.0.0.1:{await server.start()}"
        self.stack.push_async_callback(server.stop)
        return server

    async def start_storage(self, *, port: int = 0) -> None:
        self.storage = await self.start(StorageSettings, wire_storage, StorageStore, port=port)

    async def restart_storage(self, *, away_seconds: float) -> None:
        """Stop storage and start it again on its port."""
        await self.storage.stop()
        await asyncio.sleep(away_seconds)
        await self.start_storage(port=self.storage.port)

    def settings(self, name: str) -> dict[str, Any]:
        away = {f"{sibling}_url": "127.0.0.1:1" for sibling in ("auth", "audit", "storage", "registry", "coordinator")}
        key_file = self.data_dir / ("admin.key" if name == "admin" else f"keys/{name}.key")
        return {**away, **self.urls, "data_dir": self.data_dir, "api_key_file": key_file, "drain_seconds": 1}

    def stub(self, stub_class: Any, key: str = "admin") -> Any:
        clients = runtime.Clients(DroneSettings(**self.settings(key)))
        self.stack.push_async_callback(clients.close)
        return clients.stub(stub_class)

    def worker(self, *, name: str = "drone-1", capacity: int = 2, allow_hosts: tuple[str, ...] = ()) -> Worker:
        settings = DroneSettings(**self.settings("drone"))
        sources = Sources(file_roots=[self.data_dir.parent / "files"], allow_hosts=allow_hosts, data_dir=self.data_dir)
        clients = runtime.Clients(settings)
        self.stack.push_async_callback(clients.close)
        counters = IngestCounters(CollectorRegistry())
        return Worker(name, capacity=capacity, clients=clients, sources=sources, counters=counters)

    async def start_drone(self, **options: Any) -> asyncio.Task[None]:
        working = asyncio.create_task(self.worker(**options).run())
        self.stack.push_async_callback(stop, working)
        return working

    async def apply(self, document: str) -> registry_pb2.Revision:
        """Create a profile, or follow the one that is there."""
        registry, body = (
            self.stub(RegistryServiceStub),
            HttpBody(content_type="application/yaml", data=document.encode()),
        )
        profile_id = document.split("profile_id:", 1)[1].split(maxsplit=1)[0]
        try:
            await registry.GetProfile(registry_pb2.GetProfileRequest(profile_id=profile_id))
        except grpc.aio.AioRpcError:
            answer = await registry.CreateProfile(registry_pb2.CreateProfileRequest(body=body))
        else:
            answer = await registry.UpdateProfile(registry_pb2.UpdateProfileRequest(body=body, profile_id=profile_id))
        revision: registry_pb2.Revision = answer.revision
        return revision

    async def run(self, profile_id: str, request_id: str = "") -> pb.Work:
        """Run a profile and return its work item once it has ended."""
        request = pb.RunNowRequest(profile_id=profile_id, request_id=request_id)
        work = (await self.stub(CoordinatorServiceStub).RunNow(request)).work
        return await self.ended(work.work_id)

    async def ended(self, work_id: str) -> pb.Work:
        return await self.work_when(work_id, lambda work: work.state in ENDED)

    async def work_when(self, work_id: str, holds: Callable[[pb.Work], bool]) -> pb.Work:
        """Return a work item as soon as something holds of it."""
        async with asyncio.timeout(30):
            async for answer in self.stub(CoordinatorServiceStub).WatchWork(pb.WatchWorkRequest()):
                found: list[pb.Work] = [work for work in answer.work if work.work_id == work_id and holds(work)]
                if found:
                    return found[-1]
        raise AssertionError("the watch ended")

    async def commits(self, dataset_id: str) -> list[storage_pb2.Commit]:
        """Return the commits of a dataset, oldest first; none where there is no dataset."""
        request = storage_pb2.ListDatasetVersionsRequest(dataset_id=dataset_id)
        try:
            versions = (await self.stub(StorageServiceStub).ListDatasetVersions(request)).versions
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return []
        return list(reversed(versions))

    async def dataset(self, dataset_id: str) -> storage_pb2.Dataset:
        request = storage_pb2.GetDatasetRequest(dataset_id=dataset_id)
        dataset: storage_pb2.Dataset = (await self.stub(StorageServiceStub).GetDataset(request)).dataset
        return dataset

    async def artifact(self, digest: str) -> bytes:
        request = storage_pb2.GetArtifactRequest(digest=digest)
        return b"".join([body.data async for body in self.stub(StorageServiceStub).GetArtifact(request)])

    def staged(self) -> list[Path]:
        """Return what lies in stages."""
        return [path for path in self.data_dir.rglob("*") if "stages" in path.parts and path.is_file()]


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    api.server.shutdown()
    thread.join()
    api.server.server_close()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The folder that drones may read."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
async def mesh(tmp_path: Path, files: Path) -> AsyncIterator[Mesh]:
    data_dir = tmp_path / "data"
    (data_dir / "keys").mkdir(parents=True)
    for name in KEYS:
        (data_dir / f"{name}.key").write_text(generate_secret())
    async with AsyncExitStack() as stack:
        mesh = Mesh(data_dir, stack)
        await mesh.start(AuthSettings, wire_auth, AuthStore)
        await mesh.start(RegistrySettings, wire_registry, RegistryStore)
        await mesh.start_storage()
        await mesh.start(CoordinatorSettings, wire_coordinator, CoordinatorStore, lease_seconds=2)
        yield mesh
