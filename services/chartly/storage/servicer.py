"""StorageServicer: the RPCs of storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import TypeVar

from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.api.storage.v1 import storage_pb2_grpc
from chartly.runtime import Context
from chartly.runtime.errors import Bug, ChartlyError
from chartly.runtime.pages import decode_page_token, encode_page_token, page_size
from chartly.runtime.tasks import settled
from chartly.storage import convert, schema
from chartly.storage.artifacts import Incoming, checked
from chartly.storage.datasets import Datasets, Opened
from chartly.storage.errors import ArtifactNotFound, UnknownFormat
from chartly.storage.metrics import IngestMetrics
from chartly.storage.projection import Projection
from chartly.storage.reading import FORMATS, Chunks, file_chunks
from chartly.storage.rows import Artifact, StoredCommit
from chartly.storage.store import StorageStore
from google.api.httpbody_pb2 import HttpBody

T = TypeVar("T")
# Commits are listed and followed in answers of about this size, because one may name ten thousand raw pages.
_ANSWER_BYTES = 1 << 20
_WATCHED_AT_ONCE = 100


class StorageServicer(storage_pb2_grpc.StorageServiceServicer):
    """Keeps datasets (Delta tables) with their commit log, and artifacts by their digest."""

    def __init__(
        self,
        store: StorageStore,
        datasets: Datasets,
        projection: Projection,
        ingest: IngestMetrics,
        *,
        now: Callable[[], datetime],
        max_artifact_bytes: int,
    ) -> None:
        self._store = store
        self._datasets = datasets
        self._projection = projection
        self._ingest = ingest
        self._now = now
        self._max_artifact_bytes = max_artifact_bytes

    async def CreateStage(self, request: pb.CreateStageRequest, context: Context) -> pb.CreateStageResponse:
        tenant = context.principal.tenant
        opened = await self._datasets.create_stage(tenant, request.dataset_id, request.work_key, request.token)
        if isinstance(opened, StoredCommit):
            return pb.CreateStageResponse(commit=convert.commit(opened))
        folder = self._projection.layout(tenant).stage(opened.stage_id)
        return pb.CreateStageResponse(
            stage_id=opened.stage_id, uri=f"{folder.as_uri()}/", expire_time=convert.timestamp(opened.expire_time)
        )

    async def CommitRun(self, request: pb.CommitRunRequest, context: Context) -> pb.CommitRunResponse:
        tenant, event = context.principal.tenant, context.carry_audit_event()
        describe = convert.description(request, event, now=self._now)
        stored, repeated = await self._datasets.commit(tenant, convert.draft(request), request.stage_id, describe)
        commit = convert.commit(stored)
        if repeated:
            async with self._store.transaction(tenant) as transaction:
                await transaction.audit(event)
        else:
            self._ingest.add(commit)
        return pb.CommitRunResponse(commit=commit, repeated=repeated)

    async def DiscardStage(self, request: pb.DiscardStageRequest, context: Context) -> pb.DiscardStageResponse:
        await self._datasets.discard_stage(context.principal.tenant, request.stage_id)
        return pb.DiscardStageResponse()

    async def WatchCommits(
        self, request: pb.WatchCommitsRequest, context: Context
    ) -> AsyncIterator[pb.WatchCommitsResponse]:
        tenant, after = context.principal.tenant, request.after_sequence
        await self._projection.catch_up_all(tenant)
        first = True
        while True:
            growth = self._projection.growth()
            commits = _fitting(await self._store.commits_after(tenant, after, _WATCHED_AT_ONCE))
            if commits or first:
                yield pb.WatchCommitsResponse(commits=commits)
            if not commits:
                await growth.wait()
            first, after = False, commits[-1].sequence if commits else after

    async def OpenSnapshot(self, request: pb.OpenSnapshotRequest, context: Context) -> pb.OpenSnapshotResponse:
        tenant = context.principal.tenant
        opened = await self._datasets.open(tenant, request.dataset_id, request.version)
        commit = convert.commit(opened.commit)
        return pb.OpenSnapshotResponse(
            snapshot_id=opened.snapshot.snapshot_id,
            version=commit.version,
            file_uris=[file.as_uri() for file in opened.files],
            arrow_schema=schema.write_ipc(opened.schema),
            row_count=commit.row_count,
            revision=commit.revision,
            expire_time=convert.timestamp(opened.snapshot.expire_time),
            digest=await self._datasets.digest(tenant, opened),
        )

    async def CloseSnapshot(self, request: pb.CloseSnapshotRequest, context: Context) -> pb.CloseSnapshotResponse:
        await self._datasets.close(context.principal.tenant, request.snapshot_id)
        return pb.CloseSnapshotResponse()

    async def ListDatasets(self, request: pb.ListDatasetsRequest, context: Context) -> pb.ListDatasetsResponse:
        tenant, limit = context.principal.tenant, page_size(request.page_size)
        after = decode_page_token(request.page_token, of="datasets").get("after", "")
        await self._projection.catch_up_all(tenant)
        found = await self._store.datasets_after(tenant, after, limit + 1)
        more = {"after": found[limit - 1][0].dataset_id} if len(found) > limit else None
        return pb.ListDatasetsResponse(
            datasets=[convert.dataset(state, latest) for state, latest in found[:limit]],
            next_page_token=encode_page_token(more, of="datasets") if more else "",
        )

    async def GetDataset(self, request: pb.GetDatasetRequest, context: Context) -> pb.GetDatasetResponse:
        tenant = context.principal.tenant
        state, latest = await self._datasets.latest(tenant, request.dataset_id)
        digest = await self._store.digest(tenant, request.dataset_id, latest.version)
        if digest is None:
            async with self._opened(tenant, request.dataset_id, latest.version) as opened:
                digest = await self._datasets.digest(tenant, opened)
        return pb.GetDatasetResponse(dataset=convert.dataset(state, latest, digest))

    async def ListDatasetVersions(
        self, request: pb.ListDatasetVersionsRequest, context: Context
    ) -> pb.ListDatasetVersionsResponse:
        tenant, limit, of = context.principal.tenant, page_size(request.page_size), f"versions of {request.dataset_id}"
        before = decode_page_token(request.page_token, of=of).get("before")
        await self._datasets.latest(tenant, request.dataset_id)
        found = await self._store.versions_before(tenant, request.dataset_id, before, limit + 1)
        versions = _fitting(found[:limit])
        more = {"before": versions[-1].version} if len(found) > len(versions) else None
        return pb.ListDatasetVersionsResponse(
            versions=versions, next_page_token=encode_page_token(more, of=of) if more else ""
        )

    async def ReadDataset(self, request: pb.ReadDatasetRequest, context: Context) -> AsyncIterator[HttpBody]:
        tenant, name = context.principal.tenant, request.format or "ndjson"
        if name not in FORMATS:
            raise UnknownFormat(name, list(FORMATS))
        async with self._opened(tenant, request.dataset_id, request.version) as opened:
            chunks = FORMATS[name].chunks(
                self._datasets.readable(tenant, opened), lambda error: _as_chartly(error, context.request_id)
            )
            async with aclosing(_bodies(FORMATS[name].media_type, chunks)) as bodies:
                async for body in bodies:
                    yield body

    async def PutArtifact(
        self, requests: AsyncIterator[pb.PutArtifactRequest], context: Context
    ) -> pb.PutArtifactResponse:
        tenant, media_type = context.principal.tenant, ""
        incoming = await asyncio.to_thread(
            Incoming, self._projection.layout(tenant), limit_bytes=self._max_artifact_bytes
        )
        try:
            async for request in requests:
                media_type = media_type or request.body.content_type
                await _in_thread(incoming.add, request.body.data)
            # gRPC ends the requests of a cancelled call as if they were complete, and cancels a little later: here.
            await _in_thread(incoming.seal)
            digest = await _in_thread(incoming.keep)
        finally:
            await _in_thread(incoming.discard)
        context.audit_resource(f"artifacts/{digest}")
        async with self._store.transaction(tenant) as transaction:
            await transaction.put_artifact(
                Artifact(digest, incoming.size_bytes, media_type or "application/octet-stream")
            )
        kept = await self._store.artifact(tenant, digest)
        return pb.PutArtifactResponse(artifact=convert.artifact(kept) if kept else None)

    async def GetArtifact(self, request: pb.GetArtifactRequest, context: Context) -> AsyncIterator[HttpBody]:
        tenant = context.principal.tenant
        kept = await self._store.artifact(tenant, request.digest)
        if kept is None:
            raise ArtifactNotFound(request.digest)
        path = self._projection.layout(tenant).artifact(request.digest)
        await asyncio.to_thread(checked, path, request.digest)
        async with aclosing(_bodies(kept.media_type, file_chunks(path))) as bodies:
            async for body in bodies:
                yield body

    @asynccontextmanager
    async def _opened(self, tenant: str, dataset_id: str, version: int) -> AsyncIterator[Opened]:
        opened = await self._datasets.open(tenant, dataset_id, version)
        try:
            yield opened
        finally:
            await self._datasets.close(tenant, opened.snapshot.snapshot_id)


async def _bodies(media_type: str, chunks: Chunks) -> AsyncGenerator[HttpBody]:
    """Answer with what an iterator that blocks yields, at least once so that the media type arrives."""
    body = HttpBody(content_type=media_type)
    try:
        while (chunk := await _in_thread(lambda: next(chunks, None))) is not None:
            body.data = chunk
            yield body
            body = HttpBody()
        if body.content_type:
            yield body
    finally:
        await _in_thread(chunks.close)


async def _in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Run what blocks, and wait for it also when cancelled, so that nothing else touches what it works on."""
    return await settled(asyncio.ensure_future(asyncio.to_thread(function, *arguments)))


def _fitting(commits: list[StoredCommit]) -> list[pb.Commit]:
    """As many of the commits as fit into one answer, at least one."""
    size, fitting = 0, list[pb.Commit]()
    for commit in commits:
        size += len(commit.message)
        if fitting and size > _ANSWER_BYTES:
            break
        fitting.append(convert.commit(commit))
    return fitting


def _as_chartly(error: Exception, request_id: str) -> ChartlyError:
    return error if isinstance(error, ChartlyError) else Bug(request_id)
