"""What happens by itself, as time passes: ticks queue work, leases run out, delays end, drones fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from chartly.api.registry.v1 import registry_pb2
from chartly.coordinator import queue, schedule
from chartly.coordinator.profiles import Profiles
from chartly.coordinator.store import CoordinatorStore, Reader, Writer
from chartly.runtime.bell import Bell

SILENCE = timedelta(seconds=30)
LONGEST_SLEEP = timedelta(minutes=1)


class Clockwork:
    """Does what is due, then sleeps until something else is, or until the bell rings."""

    def __init__(self, store: CoordinatorStore, profiles: Profiles, bell: Bell, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._profiles = profiles
        self._bell = bell
        self._now = now

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            if await self.step():
                self._bell.ring()
            rung = self._bell.listen()
            sleep = await self.next_time() - self._now()
            try:
                async with asyncio.timeout(max(sleep.total_seconds(), 0)):
                    await rung.wait()
            except TimeoutError:
                self._bell.ring()

    async def step(self) -> bool:
        """Queue what the schedules ask for and take back what lost drones held; return whether there was anything."""
        now = self._now()
        async with self._store.read() as snapshot:
            ticks = await self._ticks(snapshot, now)
            lost = await _lost(snapshot, now)
        if not ticks and not lost:
            return False
        async with self._store.transaction() as tx:
            for work in await _lost(tx, now):
                await tx.save_work(queue.expire(work, now=now))
            for revision, tick in await self._ticks(tx, now):
                await self._tick(tx, revision, tick)
        return True

    async def next_time(self) -> datetime:
        """Return when something will be due, a minute from now at the latest."""
        now = self._now()
        async with self._store.read() as snapshot:
            last_ticks = await snapshot.last_ticks()
            times = [work.lease_expire_time for work in await snapshot.held() if work.lease_expire_time]
            times += [work.available_time for work in await snapshot.queued()]
            times += [drone.heartbeat_time + SILENCE for drone in await snapshot.drones()]
        coming = [time for time in times if time > now]
        coming += [_due(revision, last_ticks, now).next_time for revision in self._profiles.scheduled()]
        return min([*coming, now + LONGEST_SLEEP])

    async def _ticks(self, snapshot: Reader, now: datetime) -> list[tuple[registry_pb2.Revision, datetime]]:
        last_ticks = await snapshot.last_ticks()
        found = [(revision, _due(revision, last_ticks, now).tick) for revision in self._profiles.scheduled()]
        return [(revision, tick) for revision, tick in found if tick is not None]

    async def _tick(self, tx: Writer, revision: registry_pb2.Revision, tick: datetime) -> None:
        """Queue the run of a tick, unless an earlier run of the profile has not ended."""
        await tx.save_tick(revision.profile_id, tick)
        if not await tx.is_unfinished(revision.profile_id):
            await tx.save_work(
                queue.new_work(
                    tx.tenant,
                    revision.profile_id,
                    profile_version=revision.version,
                    trigger=queue.Trigger.SCHEDULE,
                    trigger_id=tick.isoformat().replace("+00:00", "Z"),
                    now=self._now(),
                )
            )


def _due(revision: registry_pb2.Revision, last_ticks: dict[str, datetime], now: datetime) -> schedule.Due:
    return schedule.due(
        schedule.interval(revision.every),
        last_tick=last_ticks.get(revision.profile_id),
        applied=revision.create_time.ToDatetime(tzinfo=now.tzinfo),
        now=now,
    )


async def _lost(snapshot: Reader, now: datetime) -> list[queue.Work]:
    return [work for work in await snapshot.held() if work.lease_expire_time and work.lease_expire_time <= now]
