"""From a source's pages to staged files: fetched, mapped and staged at the same time, each batch in its turn.

A batch holds as many pages as make it worth mapping; which pages those are follows from their sizes, not from time. While
one batch is staged the next ones are mapped and those after them fetched, so memory holds a few batches and no dataset.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from chartly.api.run.v1 import run_pb2
from chartly.drone.errors import PageRepeated
from chartly.drone.progress import Progress
from chartly.drone.source import Source, SourcePage
from chartly.drone.stage import StageFolder
from chartly.drone.threads import in_thread
from chartly.engine.mapped import Mapped
from chartly.engine.mapper import Mapper
from chartly.engine.pages import Page
from chartly.engine.staging import Staged, Stager

BATCH_BYTES = 8 << 20
# Some are mapped, on as many cores, while an earlier one is staged.
BATCHES_AT_ONCE = 1 + min(4, os.cpu_count() or 2)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a run has staged, and the raw pages that it keeps."""

    staged: Staged
    raw_pages: list[run_pb2.RawPage]


@dataclass(slots=True)
class _Batch:
    """Pages to map together; `repeats` is the number of an earlier page that its only page equals, or 0."""

    pages: list[SourcePage] = field(default_factory=list)
    repeats: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(len(page.data) for page in self.pages)


class Ingest:
    """One attempt's way from source to stage."""

    def __init__(self, source: Source, mapper: Mapper, stager: Stager, folder: StageFolder, progress: Progress) -> None:
        self._source = source
        self._mapper = mapper
        self._stager = stager
        self._folder = folder
        self._progress = progress
        self._raw_pages: list[run_pb2.RawPage] = []
        self._first_with: dict[str, int] = {}

    async def run(self) -> Ingested:
        """Take all pages and return what was staged of them.

        Raises:
            DroneError, EngineError: the source cannot be read or mapped to its end.
        """
        try:
            await self._take_all()
        except BaseExceptionGroup as group:
            await self._abandon()
            raise group.exceptions[0] from None
        except asyncio.CancelledError:
            await self._abandon()
            raise
        return Ingested(await in_thread(self._stager.finish), self._raw_pages)

    async def _abandon(self) -> None:
        """Close the files of a stage that nobody will commit."""
        with suppress(Exception):
            await in_thread(self._stager.finish)

    async def _take_all(self) -> None:
        batches: deque[asyncio.Task[None]] = deque()
        async with asyncio.TaskGroup() as group, aclosing(self._source.pages()) as pages:
            async for batch in self._batches(pages):
                if len(batches) == BATCHES_AT_ONCE:
                    await batches.popleft()
                before = batches[-1] if batches else None
                batches.append(group.create_task(self._take(batch, before)))

    async def _batches(self, pages: AsyncIterator[SourcePage]) -> AsyncIterator[_Batch]:
        batch = _Batch()
        async for page in pages:
            await self._note(page)
            if not page.data or page.data.isspace():
                page.counted.set_result(0)
                continue
            first = self._first_with.setdefault(page.digest, page.number)
            is_alone = page.is_awaited or first != page.number
            if is_alone and batch.pages:
                yield batch
                batch = _Batch()
            batch.pages.append(page)
            batch.repeats = first if first != page.number else 0
            if is_alone or batch.size_bytes >= BATCH_BYTES:
                yield batch
                batch = _Batch()
        if batch.pages:
            yield batch

    async def _note(self, page: SourcePage) -> None:
        """Count the page and keep its raw bytes, where they are kept."""
        receipt = self._progress.receipt
        receipt.pages = page.number
        receipt.size_bytes = self._source.size_bytes
        self._progress.says(f"page {page.number}")
        if page.media_type:
            await in_thread(self._folder.write_raw, page.digest, page.data)
            raw_page = run_pb2.RawPage(
                digest=page.digest, media_type=page.media_type, page=page.number, size_bytes=len(page.data)
            )
            if page.captured_time:
                raw_page.captured_time.FromDatetime(page.captured_time)
            self._raw_pages.append(raw_page)

    async def _take(self, batch: _Batch, before: asyncio.Task[None] | None) -> None:
        """Map a batch, beside others, and stage it after the one before; of several errors the earliest counts."""
        pages = [Page(page.number, page.data, page.format, page.first_record) for page in batch.pages]
        mapping = asyncio.create_task(in_thread(self._mapper.map, pages))
        try:
            if before is not None:
                await before
            mapped = await mapping
        finally:
            mapping.cancel()
            await asyncio.wait({mapping})
        self._count(batch, mapped)
        await in_thread(self._stager.add, mapped, {page.number: page.digest for page in batch.pages})

    def _count(self, batch: _Batch, mapped: Mapped) -> None:
        receipt = self._progress.receipt
        if batch.repeats and mapped.extracted:
            receipt.paging_end = run_pb2.PAGING_END_REPEATED_PAGE
            raise PageRepeated(batch.pages[0].number, same_as=batch.repeats, records=receipt.extracted)
        receipt.extracted += mapped.extracted
        receipt.delivered += mapped.accepted.num_rows
        receipt.quarantined += mapped.rejected.num_rows
        receipt.filtered += mapped.filtered
        for name, count in mapped.warnings.items():
            receipt.warnings[name] += count
        if batch.pages[-1].is_awaited:
            batch.pages[-1].counted.set_result(mapped.extracted)
