"""Bringing the tables up to what the Delta logs say. The logs are the truth; whatever was lost here is made again from them.

A version of a dataset is projected in one order: its raw pages and its quarantine file move from the stage to the artifacts;
one transaction notes the commit, its artifacts and its entry for the ledger; then the stage goes. Each step can be repeated, so
a process that dies between two of them is repaired by the next one, before it answers anything about the dataset.
"""

from __future__ import annotations

import asyncio
import logging
import math
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from chartly.runtime import boundary
from chartly.runtime.files import sync_folder
from chartly.storage import convert, layout, log
from chartly.storage.convert import StagedArtifact
from chartly.storage.layout import Layout
from chartly.storage.log import Entry
from chartly.storage.rows import Artifact, DatasetState, Projected, Stage
from chartly.storage.store import StorageStore

logger = logging.getLogger(__name__)


class Projection:
    """Projects the logs of all datasets; there is one in a process."""

    def __init__(self, store: StorageStore, data_dir: Path) -> None:
        self._store = store
        self._data_dir = data_dir
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._grown = asyncio.Event()

    def layout(self, tenant: str) -> Layout:
        """The folders of a tenant."""
        return Layout.of(self._data_dir, tenant)

    def tenants(self) -> list[str]:
        """The tenants that have anything of storage's; other folders beside them are other services'. Blocks."""
        found = [(name, self.layout(name)) for name in names_in(self._data_dir)]
        return [name for name, folders in found if folders.datasets.exists() or folders.stages.exists()]

    @asynccontextmanager
    async def locked(self, tenant: str, dataset_id: str) -> AsyncIterator[None]:
        """Keep other commits and collections of a dataset in this process waiting."""
        async with self._locks[tenant, dataset_id]:
            yield

    def growth(self) -> asyncio.Event:
        """An event that is set when commits have been projected after this call."""
        return self._grown

    async def recover(self) -> None:
        """Catch up with all logs, and remove what outlives no process; for the start of the service."""
        for tenant in await asyncio.to_thread(self.tenants):
            await asyncio.to_thread(shutil.rmtree, self.layout(tenant).spill, ignore_errors=True)
            await self.catch_up_all(tenant)

    async def catch_up_all(self, tenant: str) -> None:
        """Project what the logs of all datasets of a tenant have beyond the tables, in the order of their commits."""
        names = await asyncio.to_thread(names_in, self.layout(tenant).datasets)
        commits = list[tuple[datetime, str, int]]()
        for name in names:
            entries = await self._pending(tenant, name)
            commits += [
                (convert.commit_time_of(entry.commit), name, entry.version) for entry in entries if entry.commit
            ]
        for _, name, version in sorted(commits):
            async with self.locked(tenant, name):
                await self.project(tenant, name, up_to=version)
        for name in names:
            await self.catch_up(tenant, name)

    async def catch_up(self, tenant: str, dataset_id: str) -> None:
        """Project what the log of a dataset has beyond the tables."""
        state = await self._store.dataset(tenant, dataset_id)
        folder = self.layout(tenant).dataset(dataset_id)
        if log.file_of(folder, state.delta_version + 1).exists():
            async with self.locked(tenant, dataset_id):
                await self.project(tenant, dataset_id)

    async def project(self, tenant: str, dataset_id: str, *, up_to: float = math.inf) -> None:
        """Do what `catch_up` does, up to a version of the Delta table, for a caller who has locked the dataset."""
        state = await self._store.dataset(tenant, dataset_id)
        for entry in await self._pending(tenant, dataset_id, up_to=up_to):
            state = await self._project(tenant, state, entry)

    async def clean(self, tenant: str, stages: Sequence[Stage], committed: Collection[str]) -> None:
        """Remove stages and the files that their attempts brought into the dataset's folder, but for those that are committed.

        Args:
            stages: stages of one dataset, which the caller has locked.
            committed: names of the data files that the commit of their work added.
        """
        for stage in stages:
            try:
                await asyncio.to_thread(_remove, self.layout(tenant), stage, committed)
            except OSError:
                logger.warning("a stage could not be removed; the next collection tries again", exc_info=True)
                continue
            async with self._store.transaction(tenant) as transaction:
                await transaction.remove_stage(stage.stage_id)

    async def _pending(self, tenant: str, dataset_id: str, *, up_to: float = math.inf) -> list[Entry]:
        state = await self._store.dataset(tenant, dataset_id)
        folder = self.layout(tenant).dataset(dataset_id)
        return await asyncio.to_thread(log.read, folder, after=state.delta_version, up_to=up_to)

    async def _project(self, tenant: str, state: DatasetState, entry: Entry) -> DatasetState:
        state = replace(
            state,
            delta_version=entry.version,
            delta_schema=entry.delta_schema or state.delta_schema,
            size_bytes=state.size_bytes + sum(entry.added.values()) - sum(entry.removed.values()),
        )
        projected = Projected(state, tuple(entry.removed))
        if entry.commit is not None:
            projected = await self._with_commit(tenant, projected, entry.commit)
        async with self._store.transaction(tenant) as transaction:
            await transaction.project(projected)
        if projected.commit is not None:
            self._grown.set()
            self._grown = asyncio.Event()
            await self.clean(tenant, await self._store.stages_of(tenant, projected.commit.work_key), entry.added)
        return projected.state

    async def _with_commit(self, tenant: str, projected: Projected, metadata: Mapping[str, Any]) -> Projected:
        commit = convert.stored_commit(metadata)
        stage = layout.stage_id(commit.work_key, commit.token)
        kept = await asyncio.to_thread(_adopt, self.layout(tenant), stage, convert.artifacts_of(metadata))
        state = replace(projected.state, primary_key=convert.primary_key_of(metadata))
        return replace(projected, state=state, commit=commit, artifacts=kept, event=convert.event_of(metadata))


def _adopt(folders: Layout, stage_id: str, wanted: Sequence[StagedArtifact]) -> list[Artifact]:
    """Move staged files to the artifacts; those that an earlier call has moved are there already."""
    kept = []
    for staged in wanted:
        target = folders.artifact(staged.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        with boundary.around("file", f"storage/{staged.role}"), suppress(FileNotFoundError):
            (folders.stage(stage_id) / staged.path).replace(target)
        if target.exists():
            kept.append(Artifact(staged.digest, target.stat().st_size, staged.media_type))
        else:
            logger.error("a committed artifact is neither in its stage nor kept", extra={"digest": staged.digest})
    for folder in sorted({folders.artifact(artifact.digest).parent for artifact in kept}):
        sync_folder(folder)
    return kept


def _remove(folders: Layout, stage: Stage, committed: Collection[str]) -> None:
    for file in folders.dataset(stage.dataset_id).glob(f"{stage.stage_id}-*.parquet"):
        if file.name not in committed:
            with boundary.around("file", "storage/orphan"):
                file.unlink()
    with boundary.around("file", "storage/stage_removal"), suppress(FileNotFoundError):
        shutil.rmtree(folders.stage(stage.stage_id))


def names_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted; none if it is not there. Blocks."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.exists() else []
