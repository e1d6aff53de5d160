"""Follows runs, drones and reports where they are known; a stream that ends or breaks is opened again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable

import grpc
from chartly.api.aggregator.v1 import aggregator_pb2, aggregator_pb2_grpc
from chartly.api.coordinator.v1 import coordinator_pb2, coordinator_pb2_grpc
from chartly.api.reporter.v1 import reporter_pb2, reporter_pb2_grpc
from chartly.gateway.events import Event, EventName, Hub
from chartly.runtime import ChartlyError, Clients
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

logger = logging.getLogger(__name__)
REOPEN_SECONDS = 1.0
# Only what changes from now on: no change has a greater number.
_NO_PAST = 2**63 - 1


async def follow_runs(clients: Clients, hub: Hub) -> None:
    """Publish each run that changes."""
    aggregator = clients.stub(aggregator_pb2_grpc.AggregatorServiceStub, as_service=True)

    async def runs() -> AsyncIterator[Message]:
        async for change in aggregator.WatchRuns(aggregator_pb2.WatchRunsRequest()):
            if change.HasField("run"):
                yield change.run

    await _publish("run", runs, hub)


async def follow_drones(clients: Clients, hub: Hub) -> None:
    """Publish each drone that registers or falls silent."""
    coordinator = clients.stub(coordinator_pb2_grpc.CoordinatorServiceStub, as_service=True)

    async def drones() -> AsyncIterator[Message]:
        async for change in coordinator.WatchWork(coordinator_pb2.WatchWorkRequest(after_sequence=_NO_PAST)):
            for drone in change.drones:
                yield drone

    await _publish("drone", drones, hub)


async def follow_reports(clients: Clients, hub: Hub) -> None:
    """Publish each report that starts or ends."""
    reporter = clients.stub(reporter_pb2_grpc.ReporterServiceStub, as_service=True)

    async def reports() -> AsyncIterator[Message]:
        async for change in reporter.WatchReports(reporter_pb2.WatchReportsRequest()):
            if change.HasField("report"):
                yield change.report

    await _publish("report", reports, hub)


async def _publish(name: EventName, source: Callable[[], AsyncIterable[Message]], hub: Hub) -> None:
    while True:
        try:
            async for message in source():
                hub.publish(Event(name, json_of(message)))
        except (grpc.aio.AioRpcError, ChartlyError) as error:
            logger.debug("the stream of %ss broke", name, extra={"problem": str(error)})
        await asyncio.sleep(REOPEN_SECONDS)


def json_of(message: Message) -> str:
    """Return a message as the edge prints it, on one line."""
    return MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None
    )
