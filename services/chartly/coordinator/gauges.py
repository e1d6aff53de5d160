"""The queue as Prometheus sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from chartly.coordinator import convert
from chartly.coordinator.queue import WorkState
from chartly.coordinator.store import CoordinatorStore
from chartly.runtime.bell import Bell
from prometheus_client import CollectorRegistry, Gauge

SHORTEST_SECONDS = 1.0


class QueueGauges:
    """Work items by state, and live drones; brought up to date after each change, at most once a second."""

    def __init__(
        self, store: CoordinatorStore, bell: Bell, registry: CollectorRegistry, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._bell = bell
        self._now = now
        self._work = Gauge("chartly_queue_work", "Work items, by state.", ["state"], registry=registry)
        self._drones = Gauge("chartly_queue_live_drones", "Drones heard of lately.", registry=registry)

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            rung = self._bell.listen()
            await self.update()
            await asyncio.sleep(SHORTEST_SECONDS)
            await rung.wait()

    async def update(self) -> None:
        """Set all gauges to what the tables say."""
        async with self._store.read() as snapshot:
            states = await snapshot.count_by_state()
            drones = await snapshot.drones()
        for state in WorkState:
            self._work.labels(state.lower()).set(states.get(state, 0))
        self._drones.set(sum(convert.is_live(drone, self._now()) for drone in drones))
