"""DuckDB for many small queries at once: one thread a query, each statement prepared once a worker.

Planning a mapping query takes some 20 ms, running it on a page of 10 000 records 50 ms, so plans are kept. A plan stays
valid while the table behind it changes, because the registered object hands out the stream of its current table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from queue import LifoQueue
from typing import Any

import duckdb
import pyarrow as pa

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
}


class Workers:
    """As many connections to one empty database as there are cores; each is used by one thread at a time."""

    def __init__(self) -> None:
        self.count = os.cpu_count() or 1
        self._database = duckdb.connect(":memory:", config=_SETTINGS)
        self._free: LifoQueue[Worker] = LifoQueue()
        for _ in range(self.count):
            self._free.put(Worker(self._database.cursor()))

    @contextmanager
    def one(self) -> Iterator[Worker]:
        """Lend a worker; waits while all are lent."""
        worker = self._free.get()
        try:
            yield worker
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """Close the connections that are not lent, and the database."""
        while not self._free.empty():
            self._free.get().close()
        self._database.close()


class Worker:
    """One connection and its prepared statements."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._statements: dict[tuple[str, pa.Schema], _Statement] = {}

    def close(self) -> None:
        """Close the connection."""
        self._statements.clear()
        self._connection.close()

    def ask(self, query: str, **values: str) -> pa.Table:
        """Return the answer of a query with named values."""
        return self._connection.sql(query, params=values).to_arrow_table()

    def run(self, query: str, rows: pa.Table) -> pa.Table:
        """Return the answer of a query over `{rows}`, in the order of the rows."""
        key = (query, rows.schema)
        if (statement := self._statements.get(key)) is None:
            statement = _Statement(self._connection, f"statement{len(self._statements)}", query, rows)
            self._statements[key] = statement
        return statement.run(rows)


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


class _Rows:
    """What DuckDB scans: the table that is set when it does (the Arrow PyCapsule interface)."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)
