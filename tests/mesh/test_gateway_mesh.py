"""The gateway among siblings: real gRPC servers that answer the health protocol, and sources of events that tests feed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from chartly import runtime
from chartly.api.aggregator.v1 import aggregator_pb2
from chartly.api.coordinator.v1 import coordinator_pb2
from chartly.api.gateway.v1 import gateway_pb2, gateway_pb2_grpc
from chartly.api.reporter.v1 import reporter_pb2
from chartly.api.run.v1.run_pb2 import Run
from chartly.gateway.__main__ import wire
from chartly.gateway.config import GatewaySettings
from chartly.runtime.settings import PORTS
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


class Feed:
    """A source of events: every stream on it gets what is put, until it is cut."""

    def __init__(self) -> None:
        self._queues: list[asyncio.Queue[Any]] = []
        self.opened = asyncio.Event()

    async def stream(self) -> AsyncIterator[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._queues.append(queue)
        self.opened.set()
        while (message := await queue.get()) is not None:
            yield message

    def put(self, message: Any) -> None:
        for queue in self._queues:
            queue.put_nowait(message)

    def cut(self) -> None:
        self.opened.clear()
        self.put(None)
        self._queues.clear()


def a_source(service: str, method: str, feed: Feed) -> Any:
    """Return a service with one method, which streams a feed."""

    async def follow(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        async for message in feed.stream():
            yield message.SerializeToString()

    name = f"chartly.api.{service}.v1.{service.capitalize()}Service"
    return grpc.method_handlers_generic_handler(name, {method: grpc.unary_stream_rpc_method_handler(follow)})


@dataclass
class Siblings:
    """The other services, as far as the gateway asks them."""

    health: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    runs: Feed = field(default_factory=Feed)
    drones: Feed = field(default_factory=Feed)
    reports: Feed = field(default_factory=Feed)
    servers: list[grpc.aio.Server] = field(default_factory=list)

    @property
    def sources(self) -> dict[str, tuple[str, Feed]]:
        return {
            "aggregator": ("WatchRuns", self.runs),
            "coordinator": ("WatchWork", self.drones),
            "reporter": ("WatchReports", self.reports),
        }

    async def start(self) -> None:
        for name in PORTS:
            if name != "gateway":
                await self._start(name)

    async def _start(self, name: str) -> None:
        server = grpc.aio.server()
        self.health[name] = health.aio.HealthServicer()  # type: ignore[attr-defined]  # its stubs lack aio
        health_pb2_grpc.add_HealthServicer_to_server(self.health[name], server)
        if name in self.sources:
            server.add_generic_rpc_handlers((a_source(name, *self.sources[name]),))
        self.ports[name] = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self.servers.append(server)

    async def stop(self) -> None:
        for server in self.servers:
            await server.stop(None)


async def anyone(secret: str) -> runtime.Principal:
    permissions = frozenset({"gateway.status.read", "gateway.events.read"})
    return runtime.Principal("", "anonymous", "default", frozenset({"viewer"}), permissions)


@dataclass
class Running:
    """A gateway with its siblings, and a stub of it."""

    siblings: Siblings
    server: runtime.Server
    stub: gateway_pb2_grpc.GatewayServiceStub


@pytest.fixture
async def running(unused_tcp_port: int) -> AsyncIterator[Running]:
    siblings = Siblings()
    await siblings.start()
    targets: dict[str, Any] = {f"{name}_url": f"127.0.0.1:{port}" for name, port in siblings.ports.items()}
    settings = GatewaySettings(
        port=unused_tcp_port,
        gateway_url=f"127.0.0.1:{unused_tcp_port}",
        metrics_port=0,
        comment_seconds=0.2,
        event_backlog=3,
        drain_seconds=1,
        **targets,
    )
    clients = runtime.Clients(settings)
    server = wire(settings, clients, identify=anyone)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{unused_tcp_port}") as channel:
        yield Running(siblings, server, gateway_pb2_grpc.GatewayServiceStub(channel))
    await server.stop()
    await clients.close()
    await siblings.stop()


async def test_the_mesh_is_healthy_while_all_nine_serve(running: Running) -> None:
    answer = await running.stub.GetHealth(gateway_pb2.GetHealthRequest())
    assert answer.status == "healthy"
    status = await running.stub.GetStatus(gateway_pb2.GetStatusRequest())
    assert [(service.name, service.status) for service in status.services] == [(name, "up") for name in PORTS]


@pytest.mark.parametrize("service", ["registry", "audit"])
async def test_one_that_drains_makes_the_mesh_unhealthy(running: Running, service: str) -> None:
    await running.siblings.health[service].set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await running.stub.GetHealth(gateway_pb2.GetHealthRequest())
    error = runtime.error_of(refusal.value)
    assert error.code is grpc.StatusCode.UNAVAILABLE
    assert error.metadata == {"service": service}
    assert error.message == f"{service} does not serve; try again"


async def test_those_that_do_not_answer_are_down_without_latency_and_version(running: Running) -> None:
    await running.siblings.stop()
    status = await running.stub.GetStatus(gateway_pb2.GetStatusRequest())
    for service in status.services[1:]:
        assert (service.status, service.latency_ms, service.version) == ("down", 0, "")
    assert status.services[0].status == "up"
    assert status.services[0].version


async def test_runs_drones_and_reports_come_as_events_with_comments_between(running: Running) -> None:
    siblings = running.siblings
    for feed in (siblings.runs, siblings.drones, siblings.reports):
        await asyncio.wait_for(feed.opened.wait(), 5)
    stream = aiter(running.stub.WatchEvents(gateway_pb2.WatchEventsRequest()))
    assert (await anext(stream)).data == b": events from now on\n\n"
    assert (await anext(stream)).data == b": still here\n\n"
    siblings.runs.put(aggregator_pb2.WatchRunsResponse())
    siblings.runs.put(aggregator_pb2.WatchRunsResponse(run=Run(run_id="r-1")))
    assert await next_event(stream) == ("run", "run_id", "r-1")
    siblings.drones.put(coordinator_pb2.WatchWorkResponse(drones=[coordinator_pb2.Drone(drone_id="d-1")]))
    assert await next_event(stream) == ("drone", "drone_id", "d-1")
    siblings.reports.put(reporter_pb2.WatchReportsResponse(report=reporter_pb2.Report(name="by-rain")))
    assert await next_event(stream) == ("report", "name", "by-rain")


async def test_a_source_that_breaks_is_followed_again(running: Running) -> None:
    await asyncio.wait_for(running.siblings.runs.opened.wait(), 5)
    stream = aiter(running.stub.WatchEvents(gateway_pb2.WatchEventsRequest()))
    await anext(stream)
    running.siblings.runs.cut()
    await asyncio.wait_for(running.siblings.runs.opened.wait(), 5)
    running.siblings.runs.put(aggregator_pb2.WatchRunsResponse(run=Run(run_id="r-2")))
    assert await next_event(stream) == ("run", "run_id", "r-2")


async def test_a_drain_ends_the_stream_with_a_marker(running: Running) -> None:
    stream = aiter(running.stub.WatchEvents(gateway_pb2.WatchEventsRequest()))
    await anext(stream)
    stopping = asyncio.create_task(running.server.stop())
    said = [body.data async for body in stream]
    await stopping
    assert said[-1] == b'event: end\ndata: {"reason": "the service is about to stop"}\n\n'


async def next_event(stream: AsyncIterator[Any]) -> tuple[str, str, str]:
    """Return the name of the next event, and the first field of its data with its value."""
    async for body in stream:
        name, data, *_ = body.data.decode().split("\n")
        if name.startswith("event: "):
            fields = json.loads(data.removeprefix("data: "))
            key = next(key for key in ("run_id", "drone_id", "name") if key in fields)
            return name.removeprefix("event: "), key, fields[key]
    raise AssertionError("the stream has ended")
