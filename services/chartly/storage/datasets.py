"""Committing to datasets and opening their versions: what the RPCs do, without messages."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from chartly.runtime.tasks import settled
from chartly.storage import layout, schema
from chartly.storage.errors import DatasetNotFound, DatasetVersionNotFound, FencingTokenStale, StageNotFound
from chartly.storage.projection import Projection
from chartly.storage.publish import Describe, Draft, publish
from chartly.storage.reading import Version, digest_of
from chartly.storage.rows import DatasetState, Snapshot, Stage, StoredCommit
from chartly.storage.sql import Engine
from chartly.storage.store import StorageStore
from chartly.storage.table import CommitConflict, Table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Limits:
    """How long things live, and what a query may use."""

    stage: timedelta
    snapshot: timedelta
    query_memory_bytes: int
    query_threads: int


@dataclass(frozen=True)
class Opened:
    """A version of a dataset under a lease."""

    snapshot: Snapshot
    commit: StoredCommit
    files: list[Path]
    schema: pa.Schema


class Datasets:
    """The datasets of all tenants."""

    def __init__(
        self, store: StorageStore, projection: Projection, limits: Limits, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._projection = projection
        self._limits = limits
        self._now = now
        self._loading: asyncio.Task[None] | None = None

    async def create_stage(self, tenant: str, dataset_id: str, work_key: str, token: int) -> Stage | StoredCommit:
        """Open or renew the stage of an attempt; the commit instead, if its work has one.

        Raises:
            FencingTokenStale: a later attempt was here.
        """
        await self._projection.catch_up(tenant, dataset_id)
        if committed := await self._store.commit_of(tenant, work_key):
            return committed
        stage = Stage(layout.stage_id(work_key, token), dataset_id, work_key, token, self._now() + self._limits.stage)
        async with self._store.transaction(tenant) as transaction:
            await transaction.raise_fence(work_key, token)
            await transaction.put_stage(stage)
        await asyncio.to_thread(_make_stage, self._projection.layout(tenant).stage(stage.stage_id))
        self._loading = self._loading or asyncio.create_task(asyncio.to_thread(_load_engines))
        return stage

    async def discard_stage(self, tenant: str, stage_id: str) -> None:
        """Remove a stage, unless its work has committed; none is no error."""
        if stage := await self._store.stage(tenant, stage_id):
            async with self._projection.locked(tenant, stage.dataset_id):
                await self._projection.project(tenant, stage.dataset_id)
                if not await self._store.commit_of(tenant, stage.work_key):
                    await self._projection.clean(tenant, [stage], ())

    async def commit(self, tenant: str, draft: Draft, stage_id: str, describe: Describe) -> tuple[StoredCommit, bool]:
        """Commit a draft, and return its commit and whether an earlier call had made it.

        A cancellation waits until the files are in a state that can be left.

        Raises:
            FencingTokenStale: a later attempt was here.
            StageNotFound: the draft has files and no stage.
            ReceiptMismatch, StagedFileInvalid, IncompatibleChange: the draft is refused.
        """
        return await settled(asyncio.create_task(self._commit(tenant, draft, stage_id, describe)))

    async def _commit(self, tenant: str, draft: Draft, stage_id: str, describe: Describe) -> tuple[StoredCommit, bool]:
        async with self._projection.locked(tenant, draft.dataset_id):
            published = False
            while True:
                await self._projection.project(tenant, draft.dataset_id)
                if committed := await self._store.commit_of(tenant, draft.work_key):
                    return committed, not published
                published = await self._published(tenant, draft, stage_id, describe)

    async def _published(self, tenant: str, draft: Draft, stage_id: str, describe: Describe) -> bool:
        """Publish a draft; False if another commit came first."""
        latest = await self._store.fence(tenant, draft.work_key)
        if latest > draft.token:
            raise FencingTokenStale(draft.work_key, token=draft.token, latest_token=latest)
        stage = await self._store.stage(tenant, stage_id)
        has_files = draft.data_files or draft.quarantine_file or draft.raw_pages
        if has_files and (stage is None or (stage.work_key, stage.token) != (draft.work_key, draft.token)):
            raise StageNotFound(stage_id)
        if latest < draft.token:
            async with self._store.transaction(tenant) as transaction:
                await transaction.raise_fence(draft.work_key, draft.token)
        folders = self._projection.layout(tenant)
        folder, staged = folders.dataset(draft.dataset_id), folders.stage(layout.stage_id(draft.work_key, draft.token))
        try:
            await asyncio.to_thread(publish, draft, folder, staged, self.engine(tenant), describe)
        except CommitConflict:
            return False
        return True

    def engine(self, tenant: str) -> Engine:
        """What a query of a tenant may use."""
        return Engine(
            self._projection.layout(tenant).spill, self._limits.query_memory_bytes, self._limits.query_threads
        )

    async def latest(self, tenant: str, dataset_id: str) -> tuple[DatasetState, StoredCommit]:
        """A dataset with its latest commit.

        Raises:
            DatasetNotFound: it has none.
        """
        await self._projection.catch_up(tenant, dataset_id)
        commit = await self._store.commit_at(tenant, dataset_id, 0)
        if commit is None:
            raise DatasetNotFound(dataset_id)
        return await self._store.dataset(tenant, dataset_id), commit

    async def open(self, tenant: str, dataset_id: str, version: int) -> Opened:
        """Open a version, 0 for the latest, under a lease on its files.

        Raises:
            DatasetNotFound: there is no such dataset.
            DatasetVersionNotFound: it has no such version, or keeps it no longer.
        """
        _, latest = await self.latest(tenant, dataset_id)
        commit = await self._store.commit_at(tenant, dataset_id, version or latest.version)
        if commit is None:
            raise DatasetVersionNotFound(dataset_id, version)
        snapshot = Snapshot(uuid.uuid4().hex, dataset_id, commit.version, self._now() + self._limits.snapshot)
        # Leased first and looked at then, so that a collection between the two cannot take the files.
        async with self._store.transaction(tenant) as transaction:
            await transaction.open_snapshot(snapshot)
        if commit.version < (await self._store.dataset(tenant, dataset_id)).first_version:
            await self.close(tenant, snapshot.snapshot_id)
            raise DatasetVersionNotFound(dataset_id, version)
        folder = self._projection.layout(tenant).dataset(dataset_id)
        table = await asyncio.to_thread(Table.open, folder, commit.version)
        files, columns = await asyncio.to_thread(lambda: (table.files(), schema.in_order(table.schema)))
        return Opened(snapshot, commit, files, columns)

    async def close(self, tenant: str, snapshot_id: str) -> None:
        """End a lease; none is no error."""
        async with self._store.transaction(tenant) as transaction:
            await transaction.close_snapshot(snapshot_id)

    async def digest(self, tenant: str, opened: Opened) -> str:
        """The digest of a version's rows, computed once for each version."""
        key = opened.snapshot.dataset_id, opened.snapshot.version
        if known := await self._store.digest(tenant, *key):
            return known
        digest = await asyncio.to_thread(digest_of, self.readable(tenant, opened))
        async with self._store.transaction(tenant) as transaction:
            await transaction.put_digest(*key, digest)
        return digest

    def readable(self, tenant: str, opened: Opened) -> Version:
        """An open version, for `reading`."""
        return Version(opened.files, opened.schema, self.engine(tenant))


def _load_engines() -> None:
    """Import what a commit needs while its files are on their way: half a second that an idle process never spends."""
    for name in ("deltalake", "duckdb", "pyarrow.parquet"):
        import_module(name)


def _make_stage(folder: Path) -> None:
    for name in (layout.DATA, layout.RAW):
        (folder / name).mkdir(parents=True, exist_ok=True)
