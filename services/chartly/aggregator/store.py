"""The aggregator's tables and nothing else knows them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from chartly.aggregator.projection import run_of
from chartly.aggregator.tables import followed, quarantine, runs
from chartly.api.aggregator.v1.aggregator_pb2 import QuarantinedRecord
from chartly.api.coordinator.v1.coordinator_pb2 import Work
from chartly.api.run.v1.run_pb2 import Run
from chartly.api.storage.v1.storage_pb2 import Commit
from chartly.runtime import Database
from chartly.runtime.database import Transaction
from sqlalchemy import ColumnElement, and_, func, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert


class ProfileCount(NamedTuple):
    """What one profile has committed: runs, and the last commit of its dataset."""

    run_count: int
    last_commit: Commit


class QuarantineFilter(NamedTuple):
    """Which quarantined records are asked for.

    profile_id: only records of this profile; empty for all.
    run_id: only records of this run; empty for all.
    include_replayed: also records that a run has mapped again.
    not_refused_by: leave out records that the revision of this digest refused; empty for none.
    """

    profile_id: str = ""
    run_id: str = ""
    include_replayed: bool = False
    not_refused_by: str = ""


class AggregatorStore:
    """Runs and quarantined records of one tenant.

    Whatever a method writes is written in one transaction with the place in the log that it came from, so a crash repeats
    or skips nothing.
    """

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant

    async def place_in(self, log: str) -> int:
        """Return the sequence number of the last change of `log` (`commits` or `work`) that the projection holds; 0 for none."""
        query = select(followed.c.sequence).where(followed.c.tenant == self._tenant, followed.c.log == log)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar() or 0

    async def add_work(self, items: Sequence[Work]) -> list[Run]:
        """Take changed work items and return their runs as they are now."""
        async with self._database.transaction() as transaction:
            changed = [await self._put(transaction, item.run_id, work=item) for item in items]
            await self._follow(transaction, "work", max((item.sequence for item in items), default=0))
        return changed

    async def add_commit(self, commit: Commit, quarantined: Iterable[QuarantinedRecord]) -> Run:
        """Take a commit with the records that it quarantined, and close the records that it has replayed.

        A commit that is there already changes nothing.
        """
        async with self._database.transaction() as transaction:
            run = await self._put(transaction, commit.run_id, commit=commit)
            rows = [self._quarantine_row(commit, number, record) for number, record in enumerate(quarantined, start=1)]
            for start in range(0, len(rows), 1000):
                await transaction.execute(insert(quarantine).on_conflict_do_nothing(), rows[start : start + 1000])
            if commit.replayed_run_ids:
                await transaction.execute(self._closing(commit))
        return run

    async def follow_commits(self, sequence: int) -> None:
        """Note that the projection holds every commit up to `sequence`."""
        async with self._database.transaction() as transaction:
            await self._follow(transaction, "commits", sequence)

    async def run(self, run_id: str) -> Run | None:
        """Return a run, or None."""
        query = select(runs.c.work, runs.c.commit).where(runs.c.tenant == self._tenant, runs.c.run_id == run_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _run(*row)

    async def runs(
        self, *, profile_id: str = "", state: int = 0, before: tuple[int, str] | None = None, limit: int
    ) -> list[tuple[int, Run]]:
        """Return runs, newest first, each after its creation in microseconds since 1970.

        Args:
            profile_id: only runs of this profile; empty for all.
            state: only runs in this RunState; 0 for all.
            before: creation and run_id of the last run of the page before.
            limit: runs at most.
        """
        conditions = [runs.c.tenant == self._tenant]
        if profile_id:
            conditions.append(runs.c.profile_id == profile_id)
        if state:
            conditions.append(runs.c.state == state)
        if before is not None:
            conditions.append(tuple_(runs.c.create_micros, runs.c.run_id) < tuple_(*before))
        query = (
            select(runs.c.create_micros, runs.c.work, runs.c.commit)
            .where(*conditions)
            .order_by(runs.c.create_micros.desc(), runs.c.run_id.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [(created, _run(work, commit)) for created, work, commit in await connection.execute(query)]

    async def commits(self, *, profile_id: str = "", before: int | None = None, limit: int) -> list[Commit]:
        """Return commits, newest first; `before` is the sequence number of the last of the page before."""
        conditions = [runs.c.tenant == self._tenant, runs.c.sequence.is_not(None)]
        if profile_id:
            conditions.append(runs.c.profile_id == profile_id)
        if before is not None:
            conditions.append(runs.c.sequence < before)
        query = select(runs.c.commit).where(*conditions).order_by(runs.c.sequence.desc()).limit(limit)
        async with self._database.read() as connection:
            return [Commit.FromString(body) for body in await connection.scalars(query)]

    async def counts(self) -> dict[str, ProfileCount]:
        """Return what each profile has committed, by name."""
        last = (
            select(runs.c.profile_id, func.count().label("run_count"), func.max(runs.c.sequence).label("sequence"))
            .where(runs.c.tenant == self._tenant, runs.c.sequence.is_not(None))
            .group_by(runs.c.profile_id)
            .subquery()
        )
        query = (
            select(last.c.profile_id, last.c.run_count, runs.c.commit)
            .join(runs, and_(runs.c.tenant == self._tenant, runs.c.sequence == last.c.sequence))
            .order_by(last.c.profile_id)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return {profile_id: ProfileCount(count, Commit.FromString(body)) for profile_id, count, body in rows}

    async def drone_count(self) -> int:
        """Return how many drones and clients have brought records."""
        query = select(func.count(runs.c.drone_id.distinct())).where(
            runs.c.tenant == self._tenant, runs.c.sequence.is_not(None), runs.c.drone_id != ""
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def quarantined(
        self, asked: QuarantineFilter, *, after: tuple[int, int] | None = None, limit: int | None = None
    ) -> list[tuple[tuple[int, int], QuarantinedRecord]]:
        """Return quarantined records in the order in which they came, each after its place.

        Args:
            asked: which.
            after: place of the last record of the page before.
            limit: records at most; None for all.
        """
        conditions = self._quarantine_conditions(asked)
        if after is not None:
            conditions.append(tuple_(quarantine.c.sequence, quarantine.c.number) > tuple_(*after))
        query = (
            select(quarantine.c.sequence, quarantine.c.number, quarantine.c.replay_run_id, quarantine.c.record)
            .where(*conditions)
            .order_by(quarantine.c.sequence, quarantine.c.number)
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [((sequence, number), _record(body, replay)) for sequence, number, replay, body in rows]

    async def quarantine_size(self, asked: QuarantineFilter) -> int:
        """Return how many records `quarantined` returns on all pages."""
        query = select(func.count()).where(*self._quarantine_conditions(asked))
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def _put(
        self, transaction: Transaction, run_id: str, *, work: Work | None = None, commit: Commit | None = None
    ) -> Run:
        query = select(runs.c.work, runs.c.commit).where(runs.c.tenant == self._tenant, runs.c.run_id == run_id)
        row = (await transaction.execute(query)).first()
        if row is not None:
            work = work or (Work.FromString(row.work) if row.work is not None else None)
            commit = commit or (Commit.FromString(row.commit) if row.commit is not None else None)
        run = run_of(work, commit)
        values: dict[str, Any] = {
            "profile_id": run.profile_id,
            "state": run.state,
            "drone_id": run.drone_id,
            "create_micros": run.create_time.ToMicroseconds(),
            "sequence": commit.sequence if commit is not None else None,
            "work": work.SerializeToString() if work is not None else None,
            "commit": commit.SerializeToString() if commit is not None else None,
        }
        statement = insert(runs).values(tenant=self._tenant, run_id=run_id, **values)
        await transaction.execute(statement.on_conflict_do_update(index_elements=["tenant", "run_id"], set_=values))
        return run

    async def _follow(self, transaction: Transaction, log: str, sequence: int) -> None:
        statement = insert(followed).values(tenant=self._tenant, log=log, sequence=sequence)
        await transaction.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant", "log"],
                set_={"sequence": statement.excluded.sequence},
                where=statement.excluded.sequence > followed.c.sequence,
            )
        )

    def _quarantine_row(self, commit: Commit, number: int, record: QuarantinedRecord) -> dict[str, Any]:
        return {
            "tenant": self._tenant,
            "sequence": commit.sequence,
            "number": number,
            "run_id": commit.run_id,
            "profile_id": commit.revision.profile_id,
            "profile_digest": commit.revision.digest,
            "record": record.SerializeToString(),
        }

    def _closing(self, commit: Commit) -> Any:
        return (
            update(quarantine)
            .where(
                quarantine.c.tenant == self._tenant,
                quarantine.c.run_id.in_(commit.replayed_run_ids),
                quarantine.c.sequence < commit.sequence,
                quarantine.c.replay_run_id.is_(None),
            )
            .values(replay_run_id=commit.run_id)
        )

    def _quarantine_conditions(self, asked: QuarantineFilter) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [quarantine.c.tenant == self._tenant]
        if asked.profile_id:
            conditions.append(quarantine.c.profile_id == asked.profile_id)
        if asked.run_id:
            conditions.append(quarantine.c.run_id == asked.run_id)
        if not asked.include_replayed:
            conditions.append(quarantine.c.replay_run_id.is_(None))
        if asked.not_refused_by:
            conditions.append(quarantine.c.profile_digest != asked.not_refused_by)
        return conditions


def _run(work: bytes | None, commit: bytes | None) -> Run:
    return run_of(
        Work.FromString(work) if work is not None else None, Commit.FromString(commit) if commit is not None else None
    )


def _record(body: bytes, replay_run_id: str | None) -> QuarantinedRecord:
    record = QuarantinedRecord.FromString(body)
    record.replay_run_id = replay_run_id or ""
    return record
