"""A service's own tables: SQLAlchemy Core, async, on SQLite.

SQLite's default, deferred transactions, lost updates: 151 duplicate revisions in 480 concurrent writes. So whatever writes is
part of a `BEGIN IMMEDIATE` of the one writer (see `writer.py`), and all other connections can only read.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chartly.api.audit.v1.audit_pb2 import Event
from chartly.runtime.call import current_call
from chartly.runtime.errors import DataDirReadOnly
from chartly.runtime.migrations import upgrade
from chartly.runtime.outbox import insert_event
from chartly.runtime.tasks import settled
from chartly.runtime.writer import Parameters, Turn, Writer
from sqlalchemy import event
from sqlalchemy.engine import CursorResult, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.base import Executable

READ_CONNECTIONS = 4
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")
_memory_numbers = itertools.count(1)


class Transaction:
    """Statements that take effect together or not at all.

    audits: whether some of them put an entry into the outbox.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.audits = False

    async def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """Run a statement and return its result, with all rows fetched; several parameter sets run it for each."""
        return await self._turn.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Parameters = None) -> Any:
        """Return the first column of the first row; None if there is no row."""
        return (await self.execute(statement, parameters)).scalar()

    async def audit(self, entry: Event) -> None:
        """Put an entry for the ledger into the outbox, once for its event id. A call's own entry comes by itself."""
        self.audits = True
        await self.execute(insert_event(entry))


class Database:
    """The tables of one service; made by `open`.

    entries_waiting: set when a commit may have put entries into the outbox.
    """

    def __init__(self, writer: Writer, readers: AsyncEngine) -> None:
        self.entries_waiting = asyncio.Event()
        self._writer = writer
        self._readers = readers
        self._owners: set[asyncio.Task[Any] | None] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, migrations: Path) -> AsyncIterator[Database]:
        """Open a database, made or brought up to date by the migrations in a folder, and close it at the end.

        Args:
            url: `sqlite+aiosqlite:///path`; without a path it is in memory and goes when it is closed.
            migrations: folder of Alembic revisions, in files `NNNN_topic.py` whose revision is `NNNN`.

        Raises:
            DataDirReadOnly: the file's folder cannot be written.
        """
        name, location = _locate(make_url(url).database or ":memory:")
        own, readers = _engine(location, connections=1), _engine(location, connections=READ_CONNECTIONS, read_only=True)
        writer = Writer(name)
        try:
            async with own.connect() as connection:
                await asyncio.to_thread(upgrade, location, migrations)
                writing = asyncio.create_task(writer.run(connection), name=f"writer of {name}")
                try:
                    yield cls(writer, readers)
                finally:
                    writer.stop()
                    await writing
        finally:
            await readers.dispose()
            await own.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin a transaction that may write; it is committed at the end of the block, and only then the caller goes on.

        An exception, also a cancellation, in the block rolls it back. Others wait meanwhile, so the block does nothing that takes
        long. In a call whose ledger entry is open, the entry is part of it.
        """
        call = current_call.get()
        leaf = call.leaf_event if call else None
        turn, transaction = self._begin()
        entry: Event | None = None
        try:
            await turn.ready
            yield transaction
            if leaf is not None and (entry := leaf.claim()):
                await transaction.audit(entry)
            turn.end(keep=True)
            await settled(turn.durable)
        finally:
            self._end(turn)
            if leaf is not None and entry is not None:
                leaf.release(stored=turn.committed)
        if transaction.audits:
            self.entries_waiting.set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Borrow a connection that reads one snapshot; any number of callers read while another writes."""
        async with self._readers.connect() as connection:
            await connection.exec_driver_sql("BEGIN")
            yield connection

    def _begin(self) -> tuple[Turn, Transaction]:
        task = asyncio.current_task()
        if task in self._owners:
            raise RuntimeError("a transaction in a transaction would wait for itself")
        self._owners.add(task)
        turn = self._writer.take()
        return turn, Transaction(turn)

    def _end(self, turn: Turn) -> None:
        turn.end(keep=False)
        self._owners.discard(asyncio.current_task())


def _engine(location: str, *, connections: int, read_only: bool = False) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{location}", isolation_level="AUTOCOMMIT", pool_size=connections, max_overflow=0
    )
    pragmas = (*_PRAGMAS, "query_only=ON") if read_only else _PRAGMAS

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _locate(database: str) -> tuple[str, str]:
    if database == ":memory:":
        return "memory", f"file:/chartly-{next(_memory_numbers)}?vfs=memdb&uri=true"
    path = Path(database).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataDirReadOnly(path.parent, error.strerror or str(error)) from error
    for target in (path.parent, path):
        if target.exists() and not os.access(target, os.W_OK):
            raise DataDirReadOnly(path.parent, f"no write access to {target.name}")
    return path.stem, str(path)
