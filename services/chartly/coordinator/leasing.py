"""Who gets what: the next preview or work item for a drone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chartly.api.registry.v1 import registry_pb2
from chartly.coordinator import queue
from chartly.coordinator.errors import DroneNotFound
from chartly.coordinator.previews import Preview, Previews
from chartly.coordinator.profiles import Profiles
from chartly.coordinator.queue import Work
from chartly.coordinator.store import CoordinatorStore, Reader
from chartly.runtime.bell import Bell


@dataclass(frozen=True, slots=True)
class Leased:
    """A work item with the revision to run."""

    work: Work
    revision: registry_pb2.Revision


class Leasing:
    """Leases work to drones, one lease a free slot and one a profile."""

    def __init__(
        self,
        store: CoordinatorStore,
        profiles: Profiles,
        previews: Previews,
        bell: Bell,
        *,
        lease_duration: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._profiles = profiles
        self._previews = previews
        self._bell = bell
        self._now = now
        self.lease_duration = lease_duration

    async def next_job(self, drone_id: str) -> Preview | Leased | None:
        """Return what a drone should do now, or None.

        Raises:
            DroneNotFound: it has not registered.
            ChartlyError: the registry does not answer.
        """
        if preview := self._previews.take():
            return preview
        while candidate := await self._candidate(drone_id):
            revision = await self._profiles.find(candidate.profile_id)
            if revision is None:
                await self._cancel_orphan(candidate)
            elif leased := await self._lease(candidate, drone_id, revision):
                return leased
        return None

    async def _candidate(self, drone_id: str) -> Work | None:
        async with self._store.read() as snapshot:
            return await self._next_for(snapshot, drone_id)

    async def _lease(self, candidate: Work, drone_id: str, revision: registry_pb2.Revision) -> Leased | None:
        """Lease the candidate, unless somebody was faster."""
        now = self._now()
        async with self._store.transaction() as tx:
            work = await self._next_for(tx, drone_id)
            if work is None or work.work_id != candidate.work_id:
                return None
            leased = queue.lease(
                work, drone_id=drone_id, profile_version=revision.version, now=now, duration=self.lease_duration
            )
            leased = await tx.save_work(leased)
        self._bell.ring()
        return Leased(leased, revision)

    async def _next_for(self, snapshot: Reader, drone_id: str) -> Work | None:
        drone = await snapshot.find_drone(drone_id)
        if drone is None:
            raise DroneNotFound(drone_id)
        held = await snapshot.held()
        if sum(work.drone_id == drone_id for work in held) >= drone.capacity:
            return None
        held_profiles = frozenset(work.profile_id for work in held)
        return queue.next_of(await snapshot.queued(), held_profiles=held_profiles, now=self._now())

    async def _cancel_orphan(self, work: Work) -> None:
        message = f"profile {work.profile_id} was deleted"
        async with self._store.transaction() as tx:
            latest = await tx.find_work(work.work_id)
            if latest is not None and latest.state is queue.WorkState.QUEUED:
                await tx.save_work(queue.cancel(latest, now=self._now(), message=message))
        self._bell.ring()
