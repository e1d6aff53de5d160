"""Takes records that clients bring: maps them in columns, stages them and commits them as a run.

Nothing is kept of a body before its commit, and a commit happens once for its work key, so a caller can always try again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from weakref import WeakValueDictionary

from chartly.api.registry.v1.registry_pb2 import Revision
from chartly.api.run.v1.run_pb2 import PAGING_END_EXHAUSTED, RUN_STATE_SUCCEEDED, Receipt, Trigger
from chartly.api.storage.v1.storage_pb2 import (
    Commit,
    CommitRunRequest,
    CreateStageRequest,
    DiscardStageRequest,
    ProfileRevision,
    StagedFile,
)
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.engine.work_keys import run_id, work_key
from chartly.runtime import Clients, boundary
from chartly.runtime.files import path_of
from chartly.runtime.tasks import settled
from grpc.aio import AioRpcError

if TYPE_CHECKING:
    import pyarrow as pa
    from chartly.engine.mapped import Mapped
    from chartly.engine.pages import Page
    from chartly.engine.plan import Plan
    from chartly.engine.staging import Staged

logger = logging.getLogger(__name__)
_JOB_TYPES: Mapping[Trigger.ValueType, str] = {
    Trigger.TRIGGER_UPLOAD: "upload",
    Trigger.TRIGGER_SUBMIT: "submit",
    Trigger.TRIGGER_REPLAY: "replay",
}


class Bring(NamedTuple):
    """What a client brings.

    trigger, trigger_id: what makes it the same as another.
    drone_id: who brings it; empty for nobody in particular.
    size_bytes: of the body.
    replayed_run_ids: for a replay, the runs whose quarantined records it maps.
    """

    trigger: Trigger.ValueType
    trigger_id: str
    drone_id: str = ""
    size_bytes: int = 0
    replayed_run_ids: Sequence[str] = ()


class Intake:
    """Commits what clients bring. It acts as the aggregator, because callers may not write to storage themselves."""

    def __init__(self, clients: Clients, tenant: str) -> None:
        self._storage = clients.stub(StorageServiceStub, as_service=True)
        self._tenant = tenant
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def commit(
        self,
        revision: Revision,
        brought: Bring,
        batches: Iterable[list[Page]],
        *,
        records_path: str | None = None,
        origins: pa.Table | None = None,
    ) -> Commit:
        """Map batches of pages by a revision and commit what they give; the commit of an equal `brought` if there is one.

        Args:
            revision: of the profile.
            brought: what makes it the same as another.
            batches: the records.
            records_path: where they stand in a JSON page; by default where the profile says.
            origins: for a replay, `page`, `record` and `raw_digest` of each record as its first run knew it.

        Raises:
            EngineError: a page cannot be read, or a value does not fit a field of severity fail; nothing is kept.
        """
        from chartly import engine

        plan = engine.compile_profile(revision.profile)
        if records_path is not None:
            plan = replace(plan, records_path=records_path)
        key = work_key(
            self._tenant, plan.profile_id, job_type=_JOB_TYPES[brought.trigger], trigger_id=brought.trigger_id
        )
        async with self._turns.setdefault(key, asyncio.Lock()):
            stage = await self._storage.CreateStage(
                CreateStageRequest(dataset_id=plan.profile_id, work_key=key, token=1)
            )
            if stage.HasField("commit"):
                return stage.commit
            folder = path_of(stage.uri)
            is_file = brought.trigger == Trigger.TRIGGER_UPLOAD
            try:
                work = asyncio.to_thread(_stage, plan, run_id(key), folder, batches, origins, check_fields=is_file)
                staged = await settled(asyncio.ensure_future(work))
                request = _commit_request(revision, plan, key, brought, staged)
                request.stage_id = stage.stage_id
                return (await self._storage.CommitRun(request)).commit
            except BaseException:
                await asyncio.shield(self._discard(stage.stage_id))
                raise

    async def _discard(self, stage_id: str) -> None:
        """Remove a stage, unless its run has committed after all. One that stays is collected when it expires."""
        try:
            await self._storage.DiscardStage(DiscardStageRequest(stage_id=stage_id))
        except AioRpcError as problem:
            logger.warning("a stage stays", extra={"stage_id": stage_id, "problem": problem.details()})


def _stage(
    plan: Plan,
    run: str,
    folder: Path,
    batches: Iterable[list[Page]],
    origins: pa.Table | None,
    *,
    check_fields: bool,
) -> Staged:
    from chartly.engine.mapper import Mapper
    from chartly.engine.staging import Stager

    def create(name: str) -> BinaryIO:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with boundary.around("file", f"aggregator/{path.name}"):
            return path.open("wb")

    stager = Stager(plan, run, create)
    with Mapper(plan, check_fields=check_fields) as mapper:
        for batch in batches:
            mapped = mapper.map(batch)
            stager.add(mapped if origins is None else _where_they_were(mapped, origins), {})
    return stager.finish()


def _where_they_were(mapped: Mapped, origins: pa.Table) -> Mapped:
    """Give rejected records of a replay the places that their first run knew."""
    import pyarrow.compute as pc

    rejected = mapped.rejected
    places = origins.take(pc.subtract(rejected["record"], 1))
    for name in ("page", "record"):
        rejected = rejected.set_column(rejected.column_names.index(name), rejected.schema.field(name), places[name])
    return replace(mapped, rejected=rejected.append_column("raw_digest", places["raw_digest"]))


def _commit_request(revision: Revision, plan: Plan, key: str, brought: Bring, staged: Staged) -> CommitRunRequest:
    receipt = Receipt(
        extracted=staged.extracted,
        delivered=staged.row_count,
        quarantined=staged.quarantined,
        filtered=staged.filtered,
        pages=1,
        size_bytes=brought.size_bytes,
        paging_end=PAGING_END_EXHAUSTED,
        warnings=staged.warnings,
    )
    if len(brought.replayed_run_ids) == 1:
        receipt.replay_of_run_id = brought.replayed_run_ids[0]
    return CommitRunRequest(
        dataset_id=plan.profile_id,
        work_key=key,
        token=1,
        run_id=run_id(key),
        revision=ProfileRevision(
            profile_id=plan.profile_id, revision=revision.revision, version=revision.version, digest=revision.digest
        ),
        arrow_schema=plan.schema.serialize().to_pybytes(),
        primary_key=plan.primary_key,
        data_files=[StagedFile(**file._asdict()) for file in staged.data_files],
        quarantine_file=StagedFile(**staged.quarantine_file._asdict()) if staged.quarantine_file else None,
        receipt=receipt,
        state=RUN_STATE_SUCCEEDED,
        trigger=brought.trigger,
        drone_id=brought.drone_id,
        replayed_run_ids=brought.replayed_run_ids,
    )
