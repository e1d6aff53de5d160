"""Collection: removes stages that are done with, and files of versions that are kept no longer.

Both are known from the tables, so a collection that finds nothing reads a few rows and the names of the stages' folders, and
loads no engine.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from chartly.runtime import boundary
from chartly.storage import log
from chartly.storage.projection import Projection, names_in
from chartly.storage.rows import Stage
from chartly.storage.store import StorageStore


class Collector:
    """Collects for all tenants."""

    def __init__(
        self, store: StorageStore, projection: Projection, *, keep_superseded: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._projection = projection
        self._keep_superseded = keep_superseded
        self._now = now

    async def run(self, *, every_seconds: float) -> None:
        """Collect now and then, for ever."""
        while True:
            await self.collect()
            await asyncio.sleep(every_seconds)

    async def collect(self) -> None:
        """Collect once."""
        for tenant in await asyncio.to_thread(self._projection.tenants):
            for stage in await self._store.stages_to_collect(tenant, self._now()):
                await self._collect_stage(tenant, stage)
            await self._collect_strays(tenant)
            async with self._store.transaction(tenant) as transaction:
                await transaction.close_expired_snapshots(self._now())
            for dataset_id, files in (await self._store.superseded(tenant)).items():
                await self._collect_superseded(tenant, dataset_id, files)

    async def _collect_stage(self, tenant: str, stage: Stage) -> None:
        async with self._projection.locked(tenant, stage.dataset_id):
            await self._projection.project(tenant, stage.dataset_id)
            # It may have been renewed, or committed and removed, while this waited.
            if stage not in await self._store.stages_to_collect(tenant, self._now()):
                return
            committed = await self._store.commit_of(tenant, stage.work_key)
            folder = self._projection.layout(tenant).dataset(stage.dataset_id)
            added = await asyncio.to_thread(_added_by, folder, committed.version) if committed else set[str]()
            await self._projection.clean(tenant, [stage], added)

    async def _collect_strays(self, tenant: str) -> None:
        """Remove what somebody wrote into a stage after it was removed; a stage is noted before its folder is made."""
        folder = self._projection.layout(tenant).stages
        for name in await asyncio.to_thread(names_in, folder):
            if await self._store.stage(tenant, name) is None:
                await asyncio.to_thread(shutil.rmtree, folder / name, ignore_errors=True)

    async def _collect_superseded(self, tenant: str, dataset_id: str, files: Iterable[tuple[int, str]]) -> None:
        async with self._store.transaction(tenant) as transaction:
            first_version = await transaction.advance_first_version(dataset_id, self._now() - self._keep_superseded)
        names = [name for version, name in files if version <= first_version]
        if not names:
            return
        await asyncio.to_thread(_unlink, self._projection.layout(tenant).dataset(dataset_id), names)
        async with self._store.transaction(tenant) as transaction:
            await transaction.forget_superseded(dataset_id, names)


def _added_by(table: Path, version: int) -> set[str]:
    return set(log.read(table, after=version - 1, up_to=version)[0].added)


def _unlink(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        with boundary.around("file", "storage/superseded"):
            (folder / name).unlink(missing_ok=True)
