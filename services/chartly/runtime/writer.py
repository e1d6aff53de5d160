"""The one writer of a database: a task that owns its connection and shares each COMMIT among those who wait.

Callers send their statements, so one that is cancelled never leaves a statement half done on the connection: its turn is rolled
back to its savepoint, and the others' turns stand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar

from chartly.runtime import boundary
from chartly.runtime.connections import OwnConnection, Statement
from sqlalchemy import text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")
# A group ends when nobody waits; this bounds how long its first member waits for the others.
MAX_GROUP = 64
_BEGIN, _UNDO, _END = (Statement(text(f"{word} turn")) for word in ("SAVEPOINT", "ROLLBACK TO", "RELEASE"))


class Turn:
    """One caller's transaction, as the writer takes it.

    ready: done when the caller may send statements.
    durable: done when what it sent is committed; fails if that failed.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.durable: asyncio.Future[None] = loop.create_future()
        self._errands: asyncio.Queue[_Errand | None] = asyncio.Queue()
        self._keep = self._ended = False
        self._last: Sequence[Statement] = ()

    async def execute(self, statements: Sequence[Statement]) -> list[CursorResult[Any]]:
        """Have the writer run statements, one after the other, and return the result of each."""
        sent = _Errand(statements)
        self._errands.put_nowait(sent)
        return await sent.results

    def end(self, *, keep: bool, last: Sequence[Statement] = ()) -> None:
        """Say that no more statements come but these last ones, and whether all take effect; only the first word counts."""
        if not self._ended:
            self._ended, self._keep, self._last = True, keep, last
            self._errands.put_nowait(None)

    @property
    def committed(self) -> bool:
        """Whether what the caller sent is durable."""
        return self._keep and self.durable.done() and self.durable.exception() is None

    async def serve(self, connection: OwnConnection) -> None:
        """Run the caller's statements until it ends its turn."""
        if self.ready.cancelled():
            return
        settle(self.ready, None)
        opening: Sequence[Statement] = (_BEGIN,)
        while (sent := await self._errands.get()) is not None:
            await sent.run(connection, opening)
            opening = ()
        if self._keep:
            await self._finish(connection, opening)
        elif not opening:
            await connection.execute((_UNDO, _END))

    async def _finish(self, connection: OwnConnection, opening: Sequence[Statement]) -> None:
        try:
            await connection.execute((*opening, *self._last, _END))
        except Exception as error:  # noqa: BLE001  # it goes to who waits; the others' turns stand
            await connection.execute((_UNDO, _END))
            fail(self.durable, error)

    def fail(self, error: Exception) -> None:
        """Tell the caller, if it waits, that nothing of this turn takes effect."""
        fail(self.ready, error)
        if self._keep:
            fail(self.durable, error)


class Writer:
    """Takes turns, first come first served, on a connection in autocommit mode."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._turns: asyncio.Queue[Turn | None] = asyncio.Queue()

    def take(self) -> Turn:
        """Queue a turn."""
        turn = Turn()
        self._turns.put_nowait(turn)
        return turn

    def stop(self) -> None:
        """End `run` after the turns that wait now."""
        self._turns.put_nowait(None)

    async def run(self, connection: OwnConnection) -> None:
        """Serve turns until `stop`."""
        while (turn := await self._turns.get()) is not None:
            await self._serve_group(turn, connection)

    async def _serve_group(self, first: Turn, connection: OwnConnection) -> None:
        group = [first]
        try:
            await connection.say("BEGIN IMMEDIATE")
            await first.serve(connection)
            while len(group) < MAX_GROUP and (turn := self._next()):
                group.append(turn)
                await turn.serve(connection)
            with boundary.around("database", self._name):
                await connection.say("COMMIT")
        except Exception as error:  # noqa: BLE001  # it goes to those who wait
            with suppress(DBAPIError):
                await connection.say("ROLLBACK")
            for turn in group:
                turn.fail(error)
        else:
            for turn in group:
                settle(turn.durable, None)

    def _next(self) -> Turn | None:
        if self._turns.empty():
            return None
        turn = self._turns.get_nowait()
        if turn is None:
            self._turns.put_nowait(None)
        return turn


class _Errand:
    """Statements on their way to the writer, and their results on the way back."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._statements = statements
        self.results: asyncio.Future[list[CursorResult[Any]]] = asyncio.get_running_loop().create_future()

    async def run(self, connection: OwnConnection, opening: Sequence[Statement]) -> None:
        try:
            results = await connection.execute((*opening, *self._statements))
        except Exception as error:  # noqa: BLE001  # it goes to who waits
            fail(self.results, error)
        else:
            settle(self.results, results[len(opening) :])


def settle(future: asyncio.Future[T], result: T) -> None:
    """Give a future its result, unless who waits for it has gone."""
    if not future.done():
        future.set_result(result)


def fail(future: asyncio.Future[Any], error: Exception) -> None:
    """Give a future its exception, unless who waits for it has gone."""
    if not future.done():
        future.set_exception(error)
