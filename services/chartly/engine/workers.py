"""DuckDB for many small queries at once: one thread a query, each statement prepared once a worker.

Planning a mapping query takes some 35 ms, running it on a page of 10 000 records 50 ms, so plans are kept, also from one run
to the next. A plan stays valid while the table behind it changes, because the registered object hands out the stream of its
current table.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

A = TypeVar("A")
R = TypeVar("R")

_MAX_STATEMENTS = 32
_MAX_IDLE = 2
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
}


class Workers:
    """As many threads as there are cores, each with a connection of its own to one empty database."""

    def __init__(self) -> None:
        self._database = duckdb.connect(":memory:", config=_SETTINGS)
        self._local = threading.local()
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="mapper")

    def map(self, function: Callable[[A, Worker], R], items: Iterable[A]) -> Iterator[R]:
        """Yield what a function makes of each item with the worker of a thread, in the order of the items."""
        return self._threads.map(lambda item: function(item, self._worker()), items)

    def close(self) -> None:
        """Wait for the threads, and close the database and all connections to it."""
        self._threads.shutdown()
        self._database.close()

    def _worker(self) -> Worker:
        if (worker := getattr(self._local, "worker", None)) is None:
            worker = self._local.worker = Worker(self._database.cursor())
        return worker


class Worker:
    """One connection and its prepared statements."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._statements: OrderedDict[tuple[str, pa.Schema], _Statement] = OrderedDict()
        self._prepared = 0

    def ask(self, query: str, **values: str) -> pa.Table:
        """Return the answer of a query with named values."""
        return self._connection.sql(query, params=values).to_arrow_table()

    def run(self, query: str, rows: pa.Table) -> pa.Table:
        """Return the answer of a query over `{rows}`, in the order of the rows."""
        key = (query, rows.schema)
        if (statement := self._statements.get(key)) is None:
            statement = self._statements[key] = self._prepare(query, rows)
        self._statements.move_to_end(key)
        return statement.run(rows)

    def _prepare(self, query: str, rows: pa.Table) -> _Statement:
        if len(self._statements) == _MAX_STATEMENTS:
            self._statements.popitem(last=False)[1].drop()
        self._prepared += 1
        return _Statement(self._connection, f"statement{self._prepared}", query, rows)


class _Statement:
    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, query: str, rows: pa.Table) -> None:
        self._connection, self._name, self._rows = connection, name, _Rows(rows)
        connection.register(f"{name}_rows", self._rows)
        connection.execute(f"PREPARE {name} AS {query.replace('{rows}', f'{name}_rows')}")

    def run(self, rows: pa.Table) -> pa.Table:
        self._rows.table = rows
        try:
            return self._connection.sql(f"EXECUTE {self._name}").to_arrow_table()
        finally:
            self._rows.table = rows.slice(0, 0)

    def drop(self) -> None:
        self._connection.execute(f"DEALLOCATE {self._name}")
        self._connection.unregister(f"{self._name}_rows")


class _Rows:
    """What DuckDB scans: the table that is set when it does (the Arrow PyCapsule interface)."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


_idle: list[Workers] = []
_lock = threading.Lock()


def borrow() -> Workers:
    """Return workers for one run: those of an earlier one with their statements, or new ones."""
    with _lock:
        return _idle.pop() if _idle else Workers()


def give_back(workers: Workers) -> None:
    """Keep workers for a later run; beyond a few they are closed."""
    with _lock:
        if len(_idle) < _MAX_IDLE:
            _idle.append(workers)
            return
    workers.close()


@atexit.register
def _close_idle() -> None:
    while _idle:
        _idle.pop().close()
