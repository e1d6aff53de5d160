"""Runs queries on DuckDB in worker threads, off the event loop. The first query loads DuckDB."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_INTERRUPT_SECONDS = 0.05


class Worker:
    """Computes queries, each on a database of its own in memory."""

    def __init__(self, *, concurrent_queries: int, query_memory_mib: int) -> None:
        self._slots = asyncio.Semaphore(concurrent_queries)
        self._memory = f"{query_memory_mib}MiB"

    async def run(self, query: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Return what a query answers; one that nobody waits for any more is interrupted."""
        async with self._slots:
            connection = await asyncio.to_thread(self._connect)
            thread = asyncio.ensure_future(asyncio.to_thread(query, connection))
            try:
                return await asyncio.shield(thread)
            finally:
                await _ended(thread, connection)
                connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        spill = (
            Path(tempfile.gettempdir()) / f"chartly-analytics-{os.getpid()}"
        )  # Made when needed, removed at the end.
        return duckdb.connect(
            config={
                "memory_limit": self._memory,
                "temp_directory": str(spill),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )


async def _ended(thread: asyncio.Future[T], connection: duckdb.DuckDBPyConnection) -> None:
    """Interrupt what a thread runs until it ends; an interrupt between two statements hits neither."""
    while not thread.done():
        connection.interrupt()
        await asyncio.wait([thread], timeout=_INTERRUPT_SECONDS)
    if not thread.cancelled():
        thread.exception()
