"""Which staged rows are new to a dataset, decided by DuckDB over Parquet within a bound of memory.

Rows are told apart by the file that holds them and their place in it (DuckDB's `file_index` and `file_row_number`), so
only ids, keys and instants are compared; whole rows are read once more, and only where a file cannot be taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A record without an instant is older than every other.
_BEGINNING = "TIMESTAMPTZ '-infinity'"


@dataclass(frozen=True)
class Delivery:
    """What a commit changes in its dataset."""

    delivered: int
    """Staged rows that join the dataset, in rows."""
    deduplicated: int
    """Staged rows that do not, in rows."""
    added: tuple[Path, ...]
    """Parquet files whose rows are all in the dataset afterwards: staged ones, or files that were written here."""
    removed: tuple[Path, ...]
    """Files of the dataset that `added` replaces."""


def append(sql: DuckDBPyConnection, staged: Sequence[Path], current: Sequence[Path], output: Path) -> Delivery:
    """Deliver staged rows beyond the number of rows with their record_id that the dataset has.

    Equal records of one run are all kept at first, and a repetition of the run delivers none of them.

    Args:
        sql: a connection, as `chartly.storage.sql.Engine` makes it.
        staged: the run's files, in the order of its records.
        current: the files of the dataset.
        output: folder for a file that holds only the delivered rows, where one is needed.
    """
    staged_count = _row_count(sql, staged)
    if not current or not staged:
        return Delivery(staged_count, 0, tuple(staged), ())
    sql.execute(f"""
        CREATE OR REPLACE TEMP TABLE held AS
        SELECT staged.record_id, any_value(staged.row_count) AS staged_count, count(*) AS held_count
        FROM {scan(current)} AS held
        JOIN (SELECT record_id, count(*) AS row_count FROM {scan(staged)} GROUP BY record_id) AS staged
            ON held.record_id = staged.record_id
        GROUP BY staged.record_id
    """)
    (deduplicated,) = _one(sql, "SELECT coalesce(sum(least(staged_count, held_count)), 0) FROM held")
    # Windows over all rows are left to the case in which some are new and some are not.
    delivered_rows = f"""
        SELECT file, place FROM (
            SELECT record_id, file_index AS file, file_row_number AS place,
                   row_number() OVER (PARTITION BY record_id ORDER BY file_index, file_row_number) AS ordinal
            FROM {scan(staged)}
        ) LEFT JOIN held USING (record_id) WHERE ordinal > coalesce(held_count, 0)
    """
    added = _added(sql, staged, staged_count, staged_count - deduplicated, delivered_rows, output)
    return Delivery(staged_count - deduplicated, deduplicated, tuple(added), ())


def merge(
    sql: DuckDBPyConnection, staged: Sequence[Path], current: Sequence[Path], primary_key: Sequence[str], output: Path
) -> Delivery:
    """Deliver of each key the run's last record, by observed_at and then by order, unless the dataset has it or a later one.

    A delivered record replaces the row of its key, so the files with replaced rows are written again without them. Two
    nulls in a key are equal. A record without observed_at is older than one with it.

    Args:
        sql, staged, current, output: as in `append`; the files with rows to replace are rewritten into `output`.
        primary_key: at least one column, in every staged file.
    """
    if not staged:
        return Delivery(0, 0, (), ())
    aliases = [f"k{number}" for number in range(len(primary_key))]
    columns = ", ".join(f"{quoted_name(column)} AS {alias}" for column, alias in zip(primary_key, aliases, strict=True))
    same_key = " AND ".join(f"held.{alias} IS NOT DISTINCT FROM staged.{alias}" for alias in aliases)
    rows = f"{columns}, record_id, coalesce(observed_at, {_BEGINNING}) AS instant, file_index AS file, file_row_number AS place"
    sql.execute(f"""
        CREATE OR REPLACE TEMP TABLE staged AS
        SELECT *, row_number() OVER (
            PARTITION BY {", ".join(aliases)} ORDER BY instant DESC, file DESC, place DESC
        ) = 1 AS last FROM (SELECT {rows} FROM {scan(staged)})
    """)
    if not current:
        sql.execute("CREATE OR REPLACE TEMP TABLE verdict AS SELECT file, place, last AS delivered FROM staged")
        return _merged(sql, staged, output)
    sql.execute(f"""
        CREATE OR REPLACE TEMP TABLE held AS
        SELECT held.* FROM (SELECT {rows} FROM {scan(current)}) AS held SEMI JOIN staged ON {same_key}
    """)
    sql.execute(f"""
        CREATE OR REPLACE TEMP TABLE verdict AS
        SELECT staged.file, staged.place,
               any_value(staged.last) AND NOT coalesce(
                   bool_or(held.record_id = staged.record_id OR held.instant > staged.instant), false
               ) AS delivered
        FROM staged LEFT JOIN held ON {same_key} GROUP BY staged.file, staged.place
    """)
    sql.execute(f"""
        CREATE OR REPLACE TEMP TABLE replaced AS
        SELECT held.file, held.place FROM held SEMI JOIN
            (SELECT staged.* FROM staged JOIN verdict USING (file, place) WHERE delivered) AS staged ON {same_key}
    """)
    removed = [current[file] for (file,) in sql.execute("SELECT DISTINCT file FROM replaced ORDER BY file").fetchall()]
    kept = _write_kept(sql, current, removed, output / "kept.parquet")
    delivery = _merged(sql, staged, output)
    return replace(delivery, added=(*kept, *delivery.added), removed=tuple(removed))


def scan(files: Iterable[Path]) -> str:
    """The SQL that reads the rows of Parquet files; a column that a file lacks is null in its rows."""
    names = ", ".join(quoted_text(str(file)) for file in files)
    return f"read_parquet([{names}], union_by_name = true)"


def _merged(sql: DuckDBPyConnection, staged: Sequence[Path], output: Path) -> Delivery:
    staged_count, delivered = _one(sql, "SELECT count(*), count(*) FILTER (delivered) FROM verdict")
    rows = "SELECT file, place FROM verdict WHERE delivered"
    added = _added(sql, staged, staged_count, delivered, rows, output)
    return Delivery(delivered, staged_count - delivered, tuple(added), ())


def _added(
    sql: DuckDBPyConnection,
    staged: Sequence[Path],
    staged_count: int,
    delivered: int,
    delivered_rows: str,
    output: Path,
) -> list[Path]:
    """The files that hold just the delivered rows: the staged ones, none, or one that is written."""
    if delivered == staged_count:
        return list(staged)
    if delivered == 0:
        return []
    target = output / "delivered.parquet"
    _write(sql, staged, f"(file_index, file_row_number) IN (SELECT (file, place) FROM ({delivered_rows}))", target)
    return [target]


def _write_kept(sql: DuckDBPyConnection, current: Sequence[Path], removed: Sequence[Path], target: Path) -> list[Path]:
    if not removed:
        return []
    # The scan numbers the affected files anew, so their old numbers are translated.
    numbers = ", ".join(f"({old}, {new})" for new, old in enumerate(current.index(file) for file in removed))
    replaced = f"SELECT (new, place) FROM replaced JOIN (VALUES {numbers}) AS numbers(old, new) ON file = old"
    kept = _write(sql, removed, f"(file_index, file_row_number) NOT IN ({replaced})", target)
    return [target] if kept else []


def _write(sql: DuckDBPyConnection, files: Sequence[Path], condition: str, target: Path) -> int:
    """Write the rows of files that a condition holds for, in their order; return how many."""
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = f"SELECT * FROM {scan(files)} WHERE {condition} ORDER BY file_index, file_row_number"
    (count,) = _one(sql, f"COPY ({rows}) TO {quoted_text(str(target))} (FORMAT parquet, COMPRESSION zstd)")
    return int(count)


def _row_count(sql: DuckDBPyConnection, files: Sequence[Path]) -> int:
    return int(_one(sql, f"SELECT count(*) FROM {scan(files)}")[0]) if files else 0


def _one(sql: DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = sql.execute(query).fetchone()
    assert row is not None
    return row


def quoted_name(column: str) -> str:
    """A column's name, for SQL."""
    return '"' + column.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text, for SQL."""
    return "'" + text.replace("'", "''") + "'"
