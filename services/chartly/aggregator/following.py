"""Keeps the projection up with the two logs, and tells watchers of each run that changes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from chartly.aggregator.quarantine import quarantined_by
from chartly.aggregator.store import AggregatorStore
from chartly.api.coordinator.v1.coordinator_pb2 import WatchWorkRequest
from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
from chartly.api.run.v1.run_pb2 import Run
from chartly.api.storage.v1.storage_pb2 import Commit, GetArtifactRequest, WatchCommitsRequest
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.runtime import Clients

_WATCHER_BACKLOG = 1000


class LogEnded(Exception):
    """A stream that never ends has ended; it is to be followed again."""


class Following:
    """The projection's hold on storage's commits and the coordinator's work.

    `follow_commits` and `follow_work` run in the background, each until its stream ends, which raises; whoever
    runs them starts them again, and they go on where the store says that they stood.
    """

    def __init__(self, store: AggregatorStore, clients: Clients) -> None:
        self._store = store
        self._storage = clients.stub(StorageServiceStub, as_service=True)
        self._coordinator = clients.stub(CoordinatorServiceStub, as_service=True)
        self._watchers: set[asyncio.Queue[Run | None]] = set()

    async def follow_commits(self) -> None:
        """Take every commit of storage's log, in order, until the stream ends."""
        after = await self._store.place_in("commits")
        async for answer in self._storage.WatchCommits(WatchCommitsRequest(after_sequence=after)):
            for commit in answer.commits:
                await self.take_commit(commit)
                await self._store.follow_commits(commit.sequence)
        raise LogEnded("storage's commits")

    async def follow_work(self) -> None:
        """Take every change of the coordinator's work, in order, until the stream ends."""
        after = await self._store.place_in("work")
        async for answer in self._coordinator.WatchWork(WatchWorkRequest(after_sequence=after)):
            if answer.work:
                for run in await self._store.add_work(answer.work):
                    self._publish(run)
        raise LogEnded("the coordinator's work")

    async def take_commit(self, commit: Commit) -> Run:
        """Take one commit, with what it quarantined, and return its run. Taking it again changes nothing."""
        records = []
        if commit.quarantine_digest:
            parquet = await self._artifact(commit.quarantine_digest)
            records = await asyncio.to_thread(quarantined_by, commit, parquet)
        run = await self._store.add_commit(commit, records)
        self._publish(run)
        return run

    @contextmanager
    def watched(self) -> Iterator[AsyncIterator[Run]]:
        """Yield each run that changes within the block; ends when the watcher falls too far behind."""
        queue: asyncio.Queue[Run | None] = asyncio.Queue(_WATCHER_BACKLOG)
        self._watchers.add(queue)
        try:
            yield _until_none(queue)
        finally:
            self._watchers.discard(queue)

    def _publish(self, run: Run) -> None:
        for queue in list(self._watchers):
            if queue.qsize() >= _WATCHER_BACKLOG - 1:
                self._watchers.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(run)

    async def _artifact(self, digest: str) -> bytes:
        return b"".join([body.data async for body in self._storage.GetArtifact(GetArtifactRequest(digest=digest))])


async def _until_none(queue: asyncio.Queue[Run | None]) -> AsyncIterator[Run]:
    while (run := await queue.get()) is not None:
        yield run
