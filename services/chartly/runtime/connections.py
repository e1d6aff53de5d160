"""Connections with threads of their own: what is asked of one is one errand to its thread, where aiosqlite takes four or five."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.engine import CursorResult
from sqlalchemy.sql.base import Executable

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
T = TypeVar("T")


class Statement(NamedTuple):
    """A statement and its values; several sets of them run it for each."""

    executable: Executable
    parameters: Parameters = None


class OwnConnection:
    """One connection, in a thread of its own."""

    def __init__(self, connection: Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    @classmethod
    @asynccontextmanager
    async def open(cls, engine: Engine) -> AsyncIterator[OwnConnection]:
        """Connect, and close the connection at the end."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="writer") as thread:
            connection = await loop.run_in_executor(thread, engine.connect)
            try:
                yield cls(connection, thread)
            finally:
                await loop.run_in_executor(thread, connection.close)

    async def execute(self, statements: Sequence[Statement]) -> list[CursorResult[Any]]:
        """Run statements one after the other and return their results, with all rows fetched."""
        return await self._run(partial(_execute, self._connection, statements))

    async def say(self, sql: str) -> None:
        """Run a statement that answers nothing, as in BEGIN."""
        await self._run(partial(self._connection.exec_driver_sql, sql))

    async def _run(self, errand: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, errand)


class Readers:
    """Connections that only read, each used by one thread at a time."""

    def __init__(self, engine: Engine, threads: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._threads = threads

    async def ask(self, query: Statement) -> Sequence[Row[Any]]:
        """Return the rows of a query."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _ask, self._engine, query)


def _execute(connection: Connection, statements: Sequence[Statement]) -> list[CursorResult[Any]]:
    return [_fetched(connection.execute(*statement)) for statement in statements]


def _fetched(result: CursorResult[Any]) -> CursorResult[Any]:
    # A frozen result holds its rows; one without rows still says how many it changed.
    return result.freeze()() if result.returns_rows else result  # type: ignore[return-value]


def _ask(engine: Engine, query: Statement) -> Sequence[Row[Any]]:
    with engine.connect() as connection:
        return connection.execute(*query).all()
