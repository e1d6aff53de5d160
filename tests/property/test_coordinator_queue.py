"""Laws of the queue, on its real tables: one live lease a work item and a profile, tokens that grow, nothing lost."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
from chartly.api.registry.v1 import registry_pb2
from chartly.coordinator import queue
from chartly.coordinator.clockwork import Clockwork
from chartly.coordinator.errors import LeaseLost, WorkStateRefused
from chartly.coordinator.leasing import Leased, Leasing
from chartly.coordinator.previews import Previews
from chartly.coordinator.queue import Failure, Trigger, Work, WorkState
from chartly.coordinator.store import CoordinatorStore, Drone
from chartly.runtime.bell import Bell
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

LEASE = timedelta(seconds=30)
DRONES = {"d-1": 1, "d-2": 2}
PROFILES = ("a", "b", "c")


class KnownProfiles:
    """Profiles without a registry: every profile exists, and `a` runs every minute."""

    def __init__(self, start: datetime) -> None:
        self._start = start

    async def find(self, profile_id: str) -> registry_pb2.Revision:
        return registry_pb2.Revision(profile_id=profile_id, version="1.0.0")

    def scheduled(self) -> list[registry_pb2.Revision]:
        revision = registry_pb2.Revision(profile_id="a", version="1.0.0", every="1m", enabled=True)
        revision.create_time.FromDatetime(self._start)
        return [revision]


class QueueMachine(RuleBasedStateMachine):
    """Drones, people and time do to the queue what they like."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 20, tzinfo=UTC)
        self.queued_keys: set[str] = set()
        self.tokens: dict[str, int] = {}
        self.committed: set[str] = set()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    @initialize()
    def open(self) -> None:
        profiles: Any = KnownProfiles(self.now)
        self.store: CoordinatorStore = self.run(
            self.stack.enter_async_context(CoordinatorStore.open("sqlite+aiosqlite://"))
        )
        self.leasing = Leasing(self.store, profiles, Previews(), Bell(), lease_duration=LEASE, now=lambda: self.now)
        self.clockwork = Clockwork(self.store, profiles, Bell(), now=lambda: self.now)
        self.run(self._register())

    async def _register(self) -> None:
        async with self.store.transaction() as tx:
            for drone_id, capacity in DRONES.items():
                drone = Drone(
                    tenant="default",
                    drone_id=drone_id,
                    version="1",
                    capacity=capacity,
                    instance_id="i",
                    create_time=self.now,
                    heartbeat_time=self.now,
                )
                await tx.save_drone(drone)

    @rule(profile_id=st.sampled_from(PROFILES), request=st.integers(0, 2))
    def run_now(self, profile_id: str, request: int) -> None:
        async def save() -> Work:
            async with self.store.transaction() as tx:
                fresh = queue.new_work(
                    "default",
                    profile_id,
                    profile_version="1.0.0",
                    trigger=Trigger.MANUAL,
                    trigger_id=str(request),
                    now=self.now,
                )
                return await tx.find_work(fresh.work_id) or await tx.save_work(fresh)

        self.queued_keys.add(self.run(save()).work_key)

    @rule(target=leases, drone_id=st.sampled_from(sorted(DRONES)))
    def lease(self, drone_id: str) -> tuple[str, int] | None:
        job = self.run(self.leasing.next_job(drone_id))
        if not isinstance(job, Leased):
            return None
        work = job.work
        assert work.token > self.tokens.get(work.work_id, 0)
        assert work.available_time <= self.now
        self.tokens[work.work_id] = work.token
        return work.work_id, work.token

    @rule(held=leases, paused=st.booleans())
    def renew(self, held: tuple[str, int] | None, paused: bool) -> None:
        self._change(
            held, lambda w, token: queue.renew(w, token, progress=b"", paused=paused, now=self.now, duration=LEASE)
        )

    @rule(held=leases)
    def complete(self, held: tuple[str, int] | None) -> None:
        if self._change(held, lambda w, token: queue.complete(w, token, log_digest="", now=self.now)):
            assert held is not None
            self.committed.add(held[0])

    @rule(held=leases, retryable=st.booleans())
    def fail(self, held: tuple[str, int] | None, retryable: bool) -> None:
        failure = Failure(message="m", reason="R", retryable=retryable)
        self._change(held, lambda w, token: queue.fail(w, token, failure, now=self.now))

    @rule(held=leases, verb=st.sampled_from(["cancel", "redrive"]))
    def decide(self, held: tuple[str, int] | None, verb: str) -> None:
        change = {"cancel": queue.cancel, "redrive": queue.redrive}[verb]
        self._change(held, lambda w, _: change(w, now=self.now))

    @rule(seconds=st.sampled_from([1, 10, 31, 120]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.run(self.clockwork.step())
        self.queued_keys |= {w.work_key for w in self.run(self._all()) if w.trigger is Trigger.SCHEDULE}

    def _change(self, held: tuple[str, int] | None, decide: Any) -> bool:
        async def change() -> bool:
            async with self.store.transaction() as tx:
                work = await tx.find_work(held[0] if held else "")
                if work is None or held is None:
                    return False
                try:
                    decided = decide(work, held[1])
                except LeaseLost:
                    assert held[1] != work.token or work.state not in queue.UNDER_WAY
                    return False
                except WorkStateRefused:
                    return False
                assert decided.token == work.token
                if decided != work:
                    await tx.save_work(decided)
                return True

        return bool(self.run(change()))

    async def _all(self) -> list[Work]:
        async with self.store.read() as snapshot:
            return await snapshot.changes(0, limit=1_000_000)

    @invariant()
    def leases_hold(self) -> None:
        work = self.run(self._all())
        held = [w for w in work if w.lease_expire_time is not None]
        assert len({w.profile_id for w in held}) == len(held), "two runs of a profile at a time"
        for drone_id, capacity in DRONES.items():
            assert sum(w.drone_id == drone_id for w in held) <= capacity
        assert all(w.lease_expire_time is not None for w in work if w.state in queue.UNDER_WAY)
        assert all(w.token == self.tokens.get(w.work_id, 0) for w in work)

    @invariant()
    def nothing_is_lost(self) -> None:
        work = self.run(self._all())
        assert {w.work_key for w in work} == self.queued_keys
        assert len({w.sequence for w in work}) == len(work)
        assert {w.work_id for w in work if w.state is WorkState.SUCCEEDED} == self.committed
        assert all(w.attempts <= w.max_attempts for w in work)

    @invariant()
    def scheduled_runs_do_not_overlap(self) -> None:
        waiting = [w for w in self.run(self._all()) if w.trigger is Trigger.SCHEDULE and w.state in queue.UNFINISHED]
        assert len(waiting) <= 1 or any(w.attempts == 0 and w.token > 0 for w in waiting), (
            "two ticks wait, and none was redriven"
        )

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()


QueueMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None, derandomize=True)
test_queue_keeps_its_laws = QueueMachine.TestCase
