"""Delta tables, written by reference: the only module that knows deltalake, which it imports at first use.

A commit names files that are in the table's folder already. It carries two application transactions: the work key's, with
the fencing token as its version, and one that all commits of the table share, so that of two commits made from the same
version deltalake refuses one (measured with 1.6.6; from a *fresh* version it accepts a transaction twice, so the caller
looks the work key up first). Retries of its own are off: they would only end in the same refusal, or hide a conflict.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chartly.runtime import boundary
from chartly.runtime.files import sync_folder
from chartly.storage import log

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

# The application transaction that all commits of a table share.
_SHARED = "chartly"
_CONFIGURATION: Mapping[str, str | None] = {"delta.enableExpiredLogCleanup": "false"}


class CommitConflict(Exception):
    """Another commit was made since the table was opened; open it again and decide again."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file in a table's folder."""

    path: Path
    size_bytes: int
    row_count: int
    statistics: Mapping[str, Any]
    """`minValues`, `maxValues` and `nullCount` of its columns, as Delta's protocol has them."""


class Table:
    """A Delta table as of one version."""

    def __init__(self, folder: Path, delta: DeltaTable) -> None:
        self.folder = folder
        self._delta = delta

    @classmethod
    def open(cls, folder: Path, version: int | None = None) -> Table:
        """Open a table that exists, by default at its latest version."""
        from deltalake import DeltaTable

        return cls(folder, DeltaTable(str(folder), version=version))

    @classmethod
    def create(cls, folder: Path, schema: pa.Schema) -> Table:
        """Open a table at its latest version; one that does not exist is made first, empty, as version 0."""
        if not log.file_of(folder, 0).exists():
            folder.mkdir(parents=True, exist_ok=True)
            with boundary.around("delta", f"{folder.name}/create"):
                _create(folder, schema)
                _sync(folder, 0)
        return cls.open(folder)

    @property
    def version(self) -> int:
        """The version that this object shows."""
        return self._delta.version()

    @property
    def schema(self) -> pa.Schema:
        """The table's columns, in the order of their arrival."""
        import pyarrow as pa

        return pa.schema(self._delta.schema().to_arrow())

    def files(self) -> list[Path]:
        """The files that hold the table's rows, by name."""
        return sorted(self.folder / name for name in self._column("path"))

    def row_count(self) -> int:
        """Rows of the table, as its log counts them."""
        return sum(self._column("num_records"))

    def committed_token(self, work_key: str) -> int | None:
        """The token with which a work key has committed; None if it has not."""
        return self._delta.transaction_version(work_key)

    def add_columns(self, fields: Sequence[pa.Field]) -> None:
        """Add nullable columns, as a version of their own, since deltalake cannot add them together with files.

        Raises:
            CommitConflict: another commit came first.
        """
        import pyarrow as pa
        from deltalake import Schema

        added = Schema.from_arrow(pa.schema(fields)).fields
        self._commit("columns", [], {}, lambda given: self._delta.alter.add_columns(added, commit_properties=given))

    def describe_column(self, name: str, metadata: Mapping[str, str]) -> None:
        """Set metadata of a column, as a version of their own.

        Raises:
            CommitConflict: another commit came first.
        """
        self._commit(
            "columns",
            [],
            {},
            lambda given: self._delta.alter.set_column_metadata(name, dict(metadata), commit_properties=given),
        )

    def commit(
        self,
        added: Sequence[DataFile],
        removed: Sequence[Path],
        *,
        work_key: str,
        token: int,
        metadata: Mapping[str, Any],
    ) -> int:
        """Add and remove files in one version, for which a work key stands, and return its number.

        Args:
            added: files in the table's folder that are not in the table.
            removed: files of the table.
            work_key: what commits, once for all.
            token: the fencing token under which it does.
            metadata: what the log's entry says beside it.

        Raises:
            CommitConflict: another commit came first.
        """
        from deltalake.transaction import AddAction, RemoveAction

        now = int(time.time() * 1000)
        actions: list[AddAction | RemoveAction] = [
            *(AddAction(f.path.name, f.size_bytes, {}, now, True, _statistics(f)) for f in added),
            *(RemoveAction(path.name, True, now, path.stat().st_size, {}) for path in removed),
        ]
        schema = self._delta.schema()
        return self._commit(
            "commit",
            [(work_key, token)],
            {log.COMMIT: metadata},
            lambda given: self._delta.create_write_transaction(actions, "append", schema, commit_properties=given),
        )

    def _commit(
        self,
        name: str,
        transactions: Sequence[tuple[str, int]],
        metadata: Mapping[str, Any],
        write: Callable[[CommitProperties], None],
    ) -> int:
        from deltalake import CommitProperties, Transaction
        from deltalake.exceptions import CommitFailedError

        version = self.version + 1
        properties = CommitProperties(
            custom_metadata=dict(metadata),
            max_commit_retries=0,
            app_transactions=[Transaction(app, number) for app, number in (*transactions, (_SHARED, version))],
        )
        with boundary.around("delta", f"{self.folder.name}/{name}"):
            try:
                write(properties)
            except CommitFailedError as error:
                if log.file_of(self.folder, version).exists():
                    raise CommitConflict from error
                raise
            _sync(self.folder, version)
        self._delta.update_incremental()
        return version

    def _column(self, name: str) -> list[Any]:
        values: list[Any] = self._delta.get_add_actions(flatten=True).column(name).to_pylist()
        return values


def _create(folder: Path, schema: pa.Schema) -> None:
    from deltalake import CommitProperties, DeltaTable
    from deltalake.exceptions import CommitFailedError

    # With retries, of two that create it at once the later one would make its schema version 1.
    once = CommitProperties(max_commit_retries=0)
    try:
        DeltaTable.create(str(folder), schema, mode="ignore", configuration=_CONFIGURATION, commit_properties=once)
    except CommitFailedError:
        if not log.file_of(folder, 0).exists():
            raise


def _statistics(file: DataFile) -> str:
    import json

    return json.dumps({"numRecords": file.row_count, **file.statistics})


def _sync(folder: Path, version: int) -> None:
    """Make a log entry durable, which deltalake leaves to the operating system."""
    path = log.file_of(folder, version)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)
