"""The drone itself: registers, says that it lives, and does what it leases, a few jobs at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.coordinator.v1 import coordinator_pb2_grpc
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.drone.counters import IngestCounters
from chartly.drone.sources import Sources
from chartly.runtime import ChartlyError, Clients, error_of

if TYPE_CHECKING:
    from chartly.drone.attempt import Attempt

logger = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 5.0
WAIT_SECONDS = 20
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.2, 3.0


class Worker:
    """One drone, for one process: a later process of the same name takes its work back."""

    def __init__(
        self, drone_id: str, *, capacity: int, clients: Clients, sources: Sources, counters: IngestCounters
    ) -> None:
        self._drone_id = drone_id
        self._capacity = capacity
        self._instance_id = uuid4().hex
        self._clients = clients
        self._coordinator = clients.stub(coordinator_pb2_grpc.CoordinatorServiceStub)
        self._sources = sources
        self._counters = counters
        self._attempts: dict[str, Attempt] = {}

    async def run(self) -> None:
        """Work until cancelled; what is under way is handed back or, if it commits, ended."""
        await self._persistently(self._register)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeatedly(self._beat))
            for _ in range(self._capacity):
                group.create_task(self._repeatedly(self._do_next))

    async def _repeatedly(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._persistently(step)

    async def _persistently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step, again and again with longer waits while the coordinator does not answer."""
        wait_seconds = FIRST_RETRY_SECONDS
        while True:
            try:
                return await step()
            except (grpc.aio.AioRpcError, ChartlyError) as error:
                problem = error_of(error, service="coordinator") if isinstance(error, grpc.aio.AioRpcError) else error
            logger.warning("the coordinator does not take the call; trying again", extra={"problem": problem.message})
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LAST_RETRY_SECONDS)
            if problem.reason == ErrorReason.ERROR_REASON_DRONE_NOT_FOUND:
                await self._persistently(self._register)

    async def _register(self) -> None:
        await self._coordinator.RegisterDrone(
            pb.RegisterDroneRequest(
                drone_id=self._drone_id,
                version=version("chartly-platform"),
                capacity=self._capacity,
                instance_id=self._instance_id,
            )
        )

    async def _beat(self) -> None:
        answer = await self._coordinator.Heartbeat(pb.HeartbeatRequest(drone_id=self._drone_id))
        for work_id in answer.cancelled_work_ids:
            if attempt := self._attempts.get(work_id):
                attempt.progress.news.set()
        await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _do_next(self) -> None:
        request = pb.LeaseWorkRequest(drone_id=self._drone_id, wait_seconds=WAIT_SECONDS)
        job = await self._coordinator.LeaseWork(request)
        # What maps is large, so a drone that has nothing to do has not loaded it.
        if job.HasField("preview"):
            from chartly.drone.previewing import preview

            await self._coordinator.CompletePreview(await preview(job.preview, self._sources))
        elif job.HasField("lease"):
            await self._carry_out(job.lease)

    async def _carry_out(self, lease: pb.Lease) -> None:
        from chartly.drone.attempt import Attempt

        attempt = Attempt(lease, drone_id=self._drone_id, clients=self._clients, sources=self._sources)
        self._attempts[lease.work.work_id] = attempt
        began = time.monotonic()
        try:
            await attempt.carry_out()
        finally:
            del self._attempts[lease.work.work_id]
            self._counters.add(attempt.progress.receipt, time.monotonic() - began)
