"""The coordinator's tables: drones, work and the last tick of each schedule.

Promises: a transaction sees what all earlier ones wrote, since there is one writer; work keys are unique; a change of work
gets the next sequence number, so whoever follows the numbers misses nothing; nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from chartly.coordinator.queue import UNFINISHED, Trigger, Work, WorkState
from chartly.runtime import Database
from chartly.runtime.columns import Instant

_metadata = sa.MetaData()

DRONES = sa.Table(
    "drones",
    _metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("drone_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("instance_id", sa.Text, nullable=False),
    sa.Column("create_time", Instant, nullable=False),
    sa.Column("heartbeat_time", Instant, nullable=False),
)

WORK = sa.Table(
    "work",
    _metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("work_id", sa.Text, primary_key=True),
    sa.Column("work_key", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("profile_id", sa.Text, nullable=False),
    sa.Column("profile_version", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text, nullable=False),
    sa.Column("trigger_id", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("drone_id", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("create_time", Instant, nullable=False),
    sa.Column("start_time", Instant),
    sa.Column("end_time", Instant),
    sa.Column("available_time", Instant, nullable=False),
    sa.Column("lease_expire_time", Instant),
    sa.Column("progress", sa.LargeBinary, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("log_digest", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("tenant", "work_key"),
    sa.Index("work_by_sequence", "tenant", "sequence", unique=True),
    sa.Index("work_by_state", "tenant", "state", "create_time"),
    sa.Index("work_by_time", "tenant", "create_time", "work_id"),
    sa.Index("work_by_profile", "tenant", "profile_id", "create_time"),
    sa.Index("work_by_drone", "tenant", "drone_id", "create_time"),
    sa.Index("work_by_lease", "tenant", "lease_expire_time"),
)

TICKS = sa.Table(
    "ticks",
    _metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("profile_id", sa.Text, primary_key=True),
    sa.Column("last_tick", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drone:
    """A drone as it last spoke."""

    tenant: str
    drone_id: str
    version: str
    capacity: int
    instance_id: str
    create_time: datetime
    heartbeat_time: datetime


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """Which work to list; None and the empty text stand for all."""

    profile_id: str = ""
    drone_id: str = ""
    state: WorkState | None = None


class Reader:
    """Reads of one snapshot, of one tenant."""

    def __init__(self, connection: Any, tenant: str) -> None:
        self._connection = connection
        self.tenant = tenant

    async def find_work(self, work_id: str) -> Work | None:
        """Return a work item, or None."""
        found = await self._work(WORK.c.work_id == work_id)
        return found[0] if found else None

    async def list_work(
        self, which: WorkFilter, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Work]:
        """Return work newest first, from the item that (create_time, work_id) `before` names on."""
        conditions: list[Any] = []
        if which.profile_id:
            conditions.append(WORK.c.profile_id == which.profile_id)
        if which.drone_id:
            conditions.append(WORK.c.drone_id == which.drone_id)
        if which.state is not None:
            conditions.append(WORK.c.state == which.state)
        if before is not None:
            conditions.append(sa.tuple_(WORK.c.create_time, WORK.c.work_id) < sa.tuple_(*_typed(before)))
        order = (WORK.c.create_time.desc(), WORK.c.work_id.desc())
        return await self._work(*conditions, order=order, limit=limit)

    async def queued(self) -> list[Work]:
        """Return the queued work, oldest first."""
        return await self._work(WORK.c.state == WorkState.QUEUED, order=(WORK.c.create_time, WORK.c.work_id))

    async def held(self) -> list[Work]:
        """Return the work that somebody holds, also where the lease has run out and nobody has looked yet."""
        return await self._work(WORK.c.lease_expire_time.is_not(None))

    async def held_by(self, drone_id: str) -> list[Work]:
        """Return the work that a drone holds."""
        return await self._work(WORK.c.lease_expire_time.is_not(None), WORK.c.drone_id == drone_id)

    async def is_unfinished(self, profile_id: str) -> bool:
        """Return whether work of a profile is queued or under way."""
        condition = (WORK.c.profile_id == profile_id, WORK.c.state.in_(UNFINISHED))
        return bool(await self._work(*condition, limit=1))

    async def changes(self, after_sequence: int, *, limit: int) -> list[Work]:
        """Return the work that changed after a sequence number, as it is now, in the order of its changes."""
        return await self._work(WORK.c.sequence > after_sequence, order=(WORK.c.sequence,), limit=limit)

    async def count_by_state(self) -> dict[WorkState, int]:
        """Return how many work items stand in each state; none for the states without."""
        statement = sa.select(WORK.c.state, sa.func.count()).where(WORK.c.tenant == self.tenant).group_by(WORK.c.state)
        return {WorkState(state): count for state, count in (await self._connection.execute(statement)).all()}

    async def drones(self, *, after: str = "", limit: int | None = None) -> list[Drone]:
        """Return drones by name, those after a name."""
        statement = sa.select(DRONES).where(DRONES.c.tenant == self.tenant, DRONES.c.drone_id > after)
        rows = await self._connection.execute(statement.order_by(DRONES.c.drone_id).limit(limit))
        return [Drone(**row) for row in rows.mappings()]

    async def find_drone(self, drone_id: str) -> Drone | None:
        """Return a drone, or None."""
        statement = sa.select(DRONES).where(DRONES.c.tenant == self.tenant, DRONES.c.drone_id == drone_id)
        row = (await self._connection.execute(statement)).mappings().first()
        return Drone(**row) if row else None

    async def last_ticks(self) -> dict[str, datetime]:
        """Return the last tick of each schedule, by profile."""
        statement = sa.select(TICKS.c.profile_id, TICKS.c.last_tick).where(TICKS.c.tenant == self.tenant)
        return dict((await self._connection.execute(statement)).all())

    async def _work(self, *conditions: Any, order: Iterable[Any] = (), limit: int | None = None) -> list[Work]:
        statement = sa.select(WORK).where(WORK.c.tenant == self.tenant, *conditions).order_by(*order).limit(limit)
        rows = (await self._connection.execute(statement)).mappings()
        return [Work(**{**row, "state": WorkState(row["state"]), "trigger": Trigger(row["trigger"])}) for row in rows]


class Writer(Reader):
    """Reads and writes of one transaction."""

    async def save_work(self, work: Work) -> Work:
        """Write a work item, new or changed, and return it with its new sequence number."""
        latest = sa.select(sa.func.coalesce(sa.func.max(WORK.c.sequence), 0)).where(WORK.c.tenant == self.tenant)
        number = (await self._connection.execute(latest)).scalar_one() + 1
        saved = replace(work, sequence=number)
        await self._upsert(WORK, asdict(saved))
        return saved

    async def save_drone(self, drone: Drone) -> None:
        """Write a drone, new or changed."""
        await self._upsert(DRONES, asdict(drone))

    async def heard_of(self, drone_id: str, now: datetime) -> None:
        """Note that a drone lives."""
        mine = (DRONES.c.tenant == self.tenant, DRONES.c.drone_id == drone_id)
        await self._connection.execute(sa.update(DRONES).where(*mine).values(heartbeat_time=now))

    async def save_tick(self, profile_id: str, tick: datetime) -> None:
        """Note the last tick of a schedule."""
        await self._upsert(TICKS, {"tenant": self.tenant, "profile_id": profile_id, "last_tick": tick})

    async def _upsert(self, table: sa.Table, values: dict[str, Any]) -> None:
        key = [column.name for column in table.primary_key]
        changed = {name: value for name, value in values.items() if name not in key}
        mine = [table.c[name] == values[name] for name in key]
        updated = await self._connection.execute(sa.update(table).where(*mine).values(**changed))
        if updated.rowcount == 0:
            await self._connection.execute(sa.insert(table).values(**values))


class CoordinatorStore:
    """The tables of one tenant."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self.tenant = tenant

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, tenant: str = "default") -> AsyncIterator[CoordinatorStore]:
        """Open the database, brought to the newest migration."""
        async with Database.open(url, migrations=Path(__file__).with_name("migrations")) as database:
            yield cls(database, tenant)

    @property
    def database(self) -> Database:
        """The database below."""
        return self._database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Writer]:
        """Begin a transaction that is durable when the block ends, and as if it had not been when the block raises."""
        async with self._database.transaction() as transaction:
            yield Writer(transaction, self.tenant)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """Open a snapshot."""
        async with self._database.read() as connection:
            yield Reader(connection, self.tenant)


def _typed(place: tuple[datetime, str]) -> Sequence[Any]:
    return sa.bindparam(None, place[0], Instant), sa.literal(place[1])
