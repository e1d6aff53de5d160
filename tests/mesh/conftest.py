"""A contract of a service for tests, a mesh of it and of auth on free ports, and what to ask them."""

from __future__ import annotations

import importlib
import itertools
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any, ClassVar

import pytest
from chartly import runtime
from chartly.runtime.errors import Unauthenticated

ROOT = Path(__file__).parents[2]
PATH = "chartly/api/probe/v1"


@dataclass(frozen=True)
class Contract:
    """The compiled contract: messages, and stubs."""

    pb: ModuleType
    grpc: ModuleType

    def thing(self, name: str = "a", *numbers: int) -> Any:
        return self.pb.Thing(name=name, numbers=numbers)


@pytest.fixture(scope="session")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    """Compile probe.proto as `make gen` compiles the others, and import it beside them."""
    source, output = tmp_path_factory.mktemp("proto"), tmp_path_factory.mktemp("python")
    (source / PATH).mkdir(parents=True)
    (source / PATH / "probe.proto").write_text((Path(__file__).parent / "probe/probe.proto").read_text())
    known = f"--descriptor_set_in={ROOT}/gen/descriptors/chartly.binpb"
    targets = [f"--python_out={output}", f"--grpc_python_out={output}", f"{PATH}/probe.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{source}", known, *targets], check=True)
    sys.path.append(str(output))
    yield Contract(*(importlib.import_module(f"chartly.api.probe.v1.probe_pb2{end}") for end in ("", "_grpc")))
    sys.path.remove(str(output))


class ProbeSettings(runtime.ServiceSettings):
    """Settings of a service that serves the probe."""

    service: ClassVar[str] = "probe"
    port: int = 0
    probe_url: str = ""
    drain_seconds: float = 1


def a_principal(*permissions: str, name: str = "key/tester") -> runtime.Principal:
    key_id = "" if name == "anonymous" else "k-1"
    return runtime.Principal(key_id, name, "default", frozenset(), frozenset(permissions))


async def identify(secret: str) -> runtime.Principal:
    """Know three callers: anonymous reads, chk_reader reads, chk_writer does all."""
    if secret == "chk_writer":
        return a_principal("probe.things.read", "probe.things.write", name="key/writer")
    if secret in ("", "chk_reader"):
        return a_principal("probe.things.read", name="key/reader" if secret else "anonymous")
    raise Unauthenticated("the key is unknown")


Body = Callable[[Any, runtime.Context], Any]


@dataclass
class Probe:
    """A running server whose methods do what a test says, and clients of it."""

    contract: Contract
    settings: ProbeSettings
    server: runtime.Server
    database: runtime.Database
    clients: runtime.Clients

    def stub(self) -> Any:
        return self.clients.stub(self.contract.grpc.ProbeServiceStub)


Start = Callable[..., Awaitable[Probe]]


@pytest.fixture
def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A folder whose one revision creates the outbox and a counter."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_tables.py").write_text(
        dedent(
            """
            from alembic import op
            from chartly.runtime import create_outbox

            revision, down_revision = "0001", None

            def upgrade():
                create_outbox(op)
                op.execute("CREATE TABLE counter (tenant TEXT PRIMARY KEY, value INTEGER NOT NULL)")
                op.execute("INSERT INTO counter VALUES ('default', 0)")
            """
        )
    )
    return folder


async def echo(request: Any, context: runtime.Context) -> Any:
    return request


async def last(requests: AsyncIterator[Any], context: runtime.Context) -> Any:
    return [request async for request in requests][-1]


async def once(request: Any, context: runtime.Context) -> AsyncIterator[Any]:
    yield request


async def each(requests: AsyncIterator[Any], context: runtime.Context) -> AsyncIterator[Any]:
    async for request in requests:
        yield request


BODIES: dict[str, Body] = {
    "Write": echo,
    "Send": last,
    "Read": echo,
    "List": once,
    "Watch": once,
    "Chat": each,
    "Greet": echo,
}


@pytest.fixture
async def start(contract: Contract, migrations: Path, tmp_path: Path) -> AsyncIterator[Start]:
    """A function that starts a probe whose methods are the given bodies or echo; all are stopped at the end."""
    numbers = itertools.count()
    async with AsyncExitStack() as stack:

        async def start_probe(
            identify: Any = identify, *, settings: dict[str, Any] | None = None, **bodies: Body
        ) -> Probe:
            # Nobody listens on port 1, so what a test does not start is away.
            away = {f"{sibling}_url": "127.0.0.1:1" for sibling in ("auth", "audit")}
            own = ProbeSettings(data_dir=tmp_path / f"probe-{next(numbers)}", **{**away, **(settings or {})})
            database = await stack.enter_async_context(runtime.Database.open(own.database_url, migrations=migrations))
            clients = await stack.enter_async_context(runtime.Clients(own))
            server = runtime.Server(own, clients=clients, outbox=runtime.Outbox(database, clients), identify=identify)
            methods = {name: staticmethod(body) for name, body in (BODIES | bodies).items()}
            server.add(type("ProbeServicer", (contract.grpc.ProbeServiceServicer,), methods)())
            stack.push_async_callback(server.stop)
            seen = own.model_copy(update={"probe_url": f"127.0.0.1:{await server.start()}"})
            return Probe(contract, seen, server, database, await stack.enter_async_context(runtime.Clients(seen)))

        yield start_probe
