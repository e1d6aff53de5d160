"""Tells watchers of each report that starts or ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from chartly.api.reporter.v1.reporter_pb2 import Report

_BACKLOG = 1000


class Feed:
    """Changes of reports, from when a watcher begins to watch."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Report | None]] = set()

    def publish(self, report: Report) -> None:
        """Tell all watchers of a report; one that is too far behind is let go."""
        for queue in list(self._watchers):
            if queue.qsize() < _BACKLOG:
                queue.put_nowait(report)
            else:
                self._watchers.discard(queue)
                queue.put_nowait(None)

    async def watch(self) -> AsyncIterator[Report | None]:
        """Yield None when the watch stands, then each report that starts or ends; ends when its reader is too slow."""
        queue: asyncio.Queue[Report | None] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            yield None
            while (report := await queue.get()) is not None:
                yield report
        finally:
            self._watchers.discard(queue)
