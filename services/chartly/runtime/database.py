"""A service's own tables: SQLAlchemy Core, async, on SQLite.

SQLite's default, deferred transactions, lost updates: 151 duplicate revisions in 480 concurrent writes. So whatever writes is
part of a `BEGIN IMMEDIATE` of the one writer (see `writer.py`), and all other connections can only read.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chartly.api.audit.v1.audit_pb2 import Event
from chartly.runtime.call import current_call
from chartly.runtime.connections import OwnConnection, Parameters, Readers, Statement
from chartly.runtime.errors import DataDirReadOnly
from chartly.runtime.migrations import upgrade
from chartly.runtime.outbox import insert_event
from chartly.runtime.tasks import settled
from chartly.runtime.writer import Turn, Writer
from sqlalchemy import Engine, QueuePool, Row, create_engine, event
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
        (result,) = await self._turn.execute([Statement(statement, parameters)])
        return result

    async def execute_all(self, statements: Sequence[Statement]) -> list[CursorResult[Any]]:
        """Run statements one after the other, in one errand to the writer, and return the result of each.

        An error ends it; what ran before it takes effect unless the block raises, too.
        """
        return await self._turn.execute(statements)

    async def scalar(self, statement: Executable, parameters: Parameters = None) -> Any:
        """Return the first column of the first row; None if there is no row."""
        return (await self.execute(statement, parameters)).scalar()

    async def audit(self, entry: Event) -> None:
        """Put an entry for the ledger into the outbox, once for its event id. A call's own entry comes by itself."""
        self.audits = True
        await self.execute(*insert_event(entry))


class Database:
    """The tables of one service; made by `open`.

    entries_waiting: set when a commit may have put entries into the outbox.
    """

    def __init__(self, writer: Writer, readers: AsyncEngine, askers: Readers) -> None:
        self.entries_waiting = asyncio.Event()
        self._writer = writer
        self._readers = readers
        self._askers = askers
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
        own, asked = _engine(location, connections=1), _engine(location, connections=READ_CONNECTIONS, read_only=True)
        readers = _async_engine(location)
        writer = Writer(name)
        try:
            async with OwnConnection.open(own) as connection, _threads() as threads:
                await asyncio.to_thread(upgrade, location, migrations)
                writing = asyncio.create_task(writer.run(connection), name=f"writer of {name}")
                try:
                    yield cls(writer, readers, Readers(asked, threads))
                finally:
                    writer.stop()
                    await writing
        finally:
            await readers.dispose()
            asked.dispose()
            own.dispose()

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
                transaction.audits = True
            turn.end(keep=True, last=[insert_event(entry)] if entry else ())
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

    async def ask(self, query: Executable, parameters: Parameters = None) -> Sequence[Row[Any]]:
        """Return the rows of one query, which is its own snapshot; for what is asked often, the quick way."""
        return await self._askers.ask(Statement(query, parameters))

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


def _engine(location: str, *, connections: int, read_only: bool = False) -> Engine:
    engine = create_engine(
        f"sqlite:///{location}",
        isolation_level="AUTOCOMMIT",
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    _prepare(engine, read_only=read_only)
    return engine


def _async_engine(location: str) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{location}", isolation_level="AUTOCOMMIT", pool_size=READ_CONNECTIONS, max_overflow=0
    )
    _prepare(engine.sync_engine, read_only=True)
    return engine


def _prepare(engine: Engine, *, read_only: bool) -> None:
    pragmas = (*_PRAGMAS, "query_only=ON") if read_only else _PRAGMAS

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


@asynccontextmanager
async def _threads() -> AsyncIterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(READ_CONNECTIONS, thread_name_prefix="reader") as threads:
        yield threads


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
