"""Reading and changing storage's tables, for one tenant at a time; the only module that writes SQL for them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from chartly.api.audit.v1.audit_pb2 import Event
from chartly.runtime.database import Database, Transaction
from chartly.storage.errors import FencingTokenStale
from chartly.storage.rows import Artifact, DatasetState, Projected, Snapshot, Stage, StoredCommit
from chartly.storage.tables import artifacts, commits, datasets, digests, fences, snapshots, stages, superseded
from sqlalchemy.dialects.sqlite import insert

MIGRATIONS = Path(__file__).parent / "migrations"


class StorageTransaction:
    """Changes that take effect together."""

    def __init__(self, transaction: Transaction, tenant: str) -> None:
        self._transaction = transaction
        self._tenant = tenant

    async def raise_fence(self, work_key: str, token: int) -> None:
        """Let no lower token of the work pass from now on.

        Raises:
            FencingTokenStale: a higher one was here.
        """
        upsert = insert(fences).values(tenant=self._tenant, work_key=work_key, token=token)
        upsert = upsert.on_conflict_do_update(
            index_elements=["tenant", "work_key"], set_={"token": sa.func.max(fences.c.token, token)}
        )
        await self._execute(upsert)
        latest = await self._scalar(sa.select(fences.c.token).where(self._of(fences), fences.c.work_key == work_key))
        if latest != token:
            raise FencingTokenStale(work_key, token=token, latest_token=latest)

    async def put_stage(self, stage: Stage) -> None:
        """Note a stage, or its new time to expire."""
        await self._execute(_replace(stages, {"tenant": self._tenant, **vars(stage)}, key=["tenant", "stage_id"]))

    async def expire_stage(self, stage_id: str) -> None:
        """Let the next collection remove a stage."""
        past = sa.update(stages).where(self._of(stages), stages.c.stage_id == stage_id)
        await self._execute(past.values(expire_time=datetime.fromtimestamp(0, UTC)))

    async def remove_stage(self, stage_id: str) -> None:
        """Forget a stage, whose files are gone."""
        await self._execute(sa.delete(stages).where(self._of(stages), stages.c.stage_id == stage_id))

    async def project(self, projected: Projected) -> StoredCommit | None:
        """Note what a version's log says, and return its commit with a sequence number; a version is noted only once."""
        state = projected.state
        known = await self._scalar(
            sa.select(datasets.c.delta_version).where(self._of(datasets), datasets.c.dataset_id == state.dataset_id)
        )
        if known is not None and known >= state.delta_version:
            return None
        values = {"tenant": self._tenant, **vars(state), "primary_key": json.dumps(state.primary_key)}
        await self._execute(_replace(datasets, values, key=["tenant", "dataset_id"]))
        for name in projected.removed:
            gone = {"dataset_id": state.dataset_id, "name": name, "version": state.delta_version}
            await self._execute(insert(superseded).values(tenant=self._tenant, **gone).on_conflict_do_nothing())
        for artifact in projected.artifacts:
            await self.put_artifact(artifact)
        if projected.event is not None:
            await self._transaction.audit(projected.event)
        return await self._append(projected.commit) if projected.commit else None

    async def put_artifact(self, artifact: Artifact) -> None:
        """Note an artifact; the media type that it first came with stays."""
        await self._execute(insert(artifacts).values(tenant=self._tenant, **vars(artifact)).on_conflict_do_nothing())

    async def put_digest(self, dataset_id: str, version: int, digest: str) -> None:
        """Keep the digest of a version's rows."""
        row = {"tenant": self._tenant, "dataset_id": dataset_id, "version": version, "digest": digest}
        await self._execute(insert(digests).values(**row).on_conflict_do_nothing())

    async def open_snapshot(self, snapshot: Snapshot) -> None:
        """Note a lease on a version."""
        await self._execute(insert(snapshots).values(tenant=self._tenant, **vars(snapshot)))

    async def close_snapshot(self, snapshot_id: str) -> None:
        """Forget a lease; none is no error."""
        await self._execute(sa.delete(snapshots).where(self._of(snapshots), snapshots.c.snapshot_id == snapshot_id))

    async def close_expired_snapshots(self, now: datetime) -> None:
        """Forget the leases that have run out."""
        await self._execute(sa.delete(snapshots).where(self._of(snapshots), snapshots.c.expire_time <= now))

    async def advance_first_version(self, dataset_id: str, keep_after: datetime) -> int:
        """Give up the versions that were superseded by `keep_after` and that nobody reads, and return the first that is kept."""
        of_dataset = sa.and_(self._of(commits), commits.c.dataset_id == dataset_id, commits.c.commit_time <= keep_after)
        oldest = await self._scalar(sa.select(sa.func.max(commits.c.version)).where(of_dataset)) or 0
        read = sa.and_(self._of(snapshots), snapshots.c.dataset_id == dataset_id)
        leased = await self._scalar(sa.select(sa.func.min(snapshots.c.version)).where(read))
        first = oldest if leased is None else min(oldest, leased)
        row = sa.and_(self._of(datasets), datasets.c.dataset_id == dataset_id)
        await self._execute(
            sa.update(datasets).where(row, datasets.c.first_version < first).values(first_version=first)
        )
        return int(await self._scalar(sa.select(datasets.c.first_version).where(row)) or 0)

    async def forget_superseded(self, dataset_id: str, names: Iterable[str]) -> None:
        """Forget superseded files, which are gone."""
        for name in names:
            row = sa.and_(self._of(superseded), superseded.c.dataset_id == dataset_id, superseded.c.name == name)
            await self._execute(sa.delete(superseded).where(row))

    async def audit(self, event: Event) -> None:
        """Put an entry for the ledger into the outbox."""
        await self._transaction.audit(event)

    async def _append(self, commit: StoredCommit) -> StoredCommit:
        last = await self._scalar(sa.select(sa.func.max(commits.c.sequence)).where(self._of(commits)))
        commit = replace(commit, sequence=(last or 0) + 1)
        await self._execute(insert(commits).values(tenant=self._tenant, **vars(commit)))
        await self._execute(sa.delete(fences).where(self._of(fences), fences.c.work_key == commit.work_key))
        return commit

    async def _execute(self, statement: Any) -> None:
        await self._transaction.execute(statement)

    async def _scalar(self, statement: Any) -> Any:
        return await self._transaction.scalar(statement)

    def _of(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.tenant == self._tenant


class StorageStore:
    """The tables, for one tenant at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[StorageStore]:
        """Open the database and bring its tables up to date."""
        async with Database.open(url, migrations=MIGRATIONS) as database:
            yield cls(database)

    @property
    def database(self) -> Database:
        """The database, for the outbox."""
        return self._database

    @asynccontextmanager
    async def transaction(self, tenant: str) -> AsyncIterator[StorageTransaction]:
        """Begin changes of a tenant; they are durable when the block has ended."""
        async with self._database.transaction() as transaction:
            yield StorageTransaction(transaction, tenant)

    async def fence(self, tenant: str, work_key: str) -> int:
        """The highest token that a work which has not committed was seen with; 0 for none."""
        row = await self._first(fences, tenant, fences.c.work_key == work_key)
        return row["token"] if row else 0

    async def stage(self, tenant: str, stage_id: str) -> Stage | None:
        """A stage by name."""
        row = await self._first(stages, tenant, stages.c.stage_id == stage_id)
        return Stage(**row) if row else None

    async def stages_of(self, tenant: str, work_key: str) -> list[Stage]:
        """The stages of a work, one for each attempt."""
        return [Stage(**row) for row in await self._all(stages, tenant, stages.c.work_key == work_key)]

    async def stages_to_collect(self, tenant: str, now: datetime) -> list[Stage]:
        """The stages that have expired, whose work has committed, or that a later attempt has overtaken."""
        committed = sa.exists().where(commits.c.tenant == tenant, commits.c.work_key == stages.c.work_key)
        overtaken = sa.exists().where(
            fences.c.tenant == tenant, fences.c.work_key == stages.c.work_key, fences.c.token > stages.c.token
        )
        return [
            Stage(**row)
            for row in await self._all(stages, tenant, sa.or_(stages.c.expire_time <= now, committed, overtaken))
        ]

    async def dataset(self, tenant: str, dataset_id: str) -> DatasetState:
        """What is projected of a dataset; a blank state if nothing is."""
        row = await self._first(datasets, tenant, datasets.c.dataset_id == dataset_id)
        return _state(row) if row else DatasetState(dataset_id)

    async def datasets_after(self, tenant: str, dataset_id: str, limit: int) -> list[tuple[DatasetState, StoredCommit]]:
        """Datasets that have a commit, by name, with the latest."""
        latest = (
            sa.select(commits.c.dataset_id.label("of"), sa.func.max(commits.c.version).label("version"))
            .where(commits.c.tenant == tenant)
            .group_by(commits.c.dataset_id)
            .subquery()
        )
        named = sa.select(latest).where(latest.c.of > dataset_id).order_by(latest.c.of).limit(limit)
        async with self._database.read() as connection:
            found = [row.of for row in await connection.execute(named)]
        return [
            (await self.dataset(tenant, name), commit)
            for name in found
            if (commit := await self.commit_at(tenant, name, 0)) is not None
        ]

    async def commit_of(self, tenant: str, work_key: str) -> StoredCommit | None:
        """The commit of a work."""
        row = await self._first(commits, tenant, commits.c.work_key == work_key)
        return StoredCommit(**row) if row else None

    async def commit_at(self, tenant: str, dataset_id: str, version: int) -> StoredCommit | None:
        """The commit that made a version of a dataset; version 0 stands for the latest."""
        wanted = commits.c.version == version if version else sa.true()
        found = await self._all(
            commits, tenant, commits.c.dataset_id == dataset_id, wanted, order=commits.c.version.desc(), limit=1
        )
        return StoredCommit(**found[0]) if found else None

    async def versions_before(
        self, tenant: str, dataset_id: str, version: int | None, limit: int
    ) -> list[StoredCommit]:
        """The commits of a dataset, newest first, from those before a version on."""
        older = commits.c.version < version if version is not None else sa.true()
        found = await self._all(
            commits, tenant, commits.c.dataset_id == dataset_id, older, order=commits.c.version.desc(), limit=limit
        )
        return [StoredCommit(**row) for row in found]

    async def commits_after(self, tenant: str, sequence: int, limit: int) -> list[StoredCommit]:
        """The commits of all datasets, in order, from those after a sequence number on."""
        found = await self._all(commits, tenant, commits.c.sequence > sequence, order=commits.c.sequence, limit=limit)
        return [StoredCommit(**row) for row in found]

    async def digest(self, tenant: str, dataset_id: str, version: int) -> str | None:
        """The digest of a version's rows, if it is kept."""
        row = await self._first(digests, tenant, digests.c.dataset_id == dataset_id, digests.c.version == version)
        return row["digest"] if row else None

    async def artifact(self, tenant: str, digest: str) -> Artifact | None:
        """What is kept under a digest."""
        row = await self._first(artifacts, tenant, artifacts.c.digest == digest)
        return Artifact(**row) if row else None

    async def superseded(self, tenant: str) -> dict[str, list[tuple[int, str]]]:
        """Files that were replaced, with the version that did it, by dataset."""
        found: dict[str, list[tuple[int, str]]] = {}
        for row in await self._all(superseded, tenant):
            found.setdefault(row["dataset_id"], []).append((row["version"], row["name"]))
        return found

    async def _first(self, table: sa.Table, tenant: str, *conditions: Any) -> dict[str, Any] | None:
        found = await self._all(table, tenant, *conditions, limit=1)
        return found[0] if found else None

    async def _all(
        self, table: sa.Table, tenant: str, *conditions: Any, order: Any = None, limit: int | None = None
    ) -> list[dict[str, Any]]:
        columns = [column for column in table.c if column.name != "tenant"]
        query = sa.select(*columns).where(table.c.tenant == tenant, *conditions).order_by(order).limit(limit)
        async with self._database.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]


def _state(row: dict[str, Any]) -> DatasetState:
    return DatasetState(**{**row, "primary_key": tuple(json.loads(row["primary_key"]))})


def _replace(table: sa.Table, values: dict[str, Any], *, key: list[str]) -> Any:
    changed = {name: value for name, value in values.items() if name not in key}
    return insert(table).values(**values).on_conflict_do_update(index_elements=key, set_=changed)
