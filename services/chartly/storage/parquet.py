"""What a Parquet file's footer says, checked against what a commit says. No row is read."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chartly.storage.errors import StagedFileInvalid
from chartly.storage.table import DataFile

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# Longer texts make poor statistics, and a text that a writer has cut would be wrong as a maximum.
_LONGEST_TEXT = 32


def describe(path: Path) -> DataFile:
    """Return a Parquet file with the statistics of its columns that hold single numbers, texts or instants."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    return DataFile(path, path.stat().st_size, metadata.num_rows, _statistics(metadata))


def check(path: Path, *, row_count: int, size_bytes: int, schema: pa.Schema | None = None) -> None:
    """Check a staged file against what its commit says of it.

    Args:
        path: the file.
        row_count: rows that it is to have.
        size_bytes: its size.
        schema: columns that it is to have, in any order, a text dictionary-encoded or not; None if that is not said.

    Raises:
        StagedFileInvalid: it is missing, unreadable, or different.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        actual = path.stat().st_size
        if actual != size_bytes:
            raise StagedFileInvalid(path.name, f"has {actual} bytes, not {size_bytes}")
        metadata = pq.read_metadata(path)
    except FileNotFoundError:
        raise StagedFileInvalid(path.name, "is not in the stage") from None
    except pa.ArrowInvalid:
        raise StagedFileInvalid(path.name, "is no Parquet file") from None
    if metadata.num_rows != row_count:
        raise StagedFileInvalid(path.name, f"has {metadata.num_rows} rows, not {row_count}")
    if schema is not None:
        _check_columns(path.name, metadata.schema.to_arrow_schema(), schema)
        if _statistics(metadata)["nullCount"].get("record_id", 0):
            raise StagedFileInvalid(path.name, "has rows without a record_id")


def _check_columns(name: str, actual: pa.Schema, wanted: pa.Schema) -> None:
    have, want = ({field.name: _plain(field.type) for field in schema} for schema in (actual, wanted))
    if unknown := sorted(have.keys() ^ want.keys()):
        raise StagedFileInvalid(name, f"and its schema differ in the columns {', '.join(unknown)}")
    for column, kind in want.items():
        if have[column] != kind:
            raise StagedFileInvalid(name, f"has {column} as {have[column]}, not {kind}")


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type that a reader of the Parquet file sees, whatever the writer had in memory."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind


def _statistics(metadata: pq.FileMetaData) -> dict[str, dict[str, Any]]:
    lows: dict[str, list[Any]] = {}
    highs: dict[str, list[Any]] = {}
    nulls: dict[str, int] = {}
    incomplete = set[str]()
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            name, found = column.path_in_schema, column.statistics
            if found is None or found.null_count is None:
                incomplete.add(name)
                continue
            nulls[name] = nulls.get(name, 0) + found.null_count
            if found.has_min_max:
                lows.setdefault(name, []).append(found.min)
                highs.setdefault(name, []).append(found.max)
            elif found.null_count < column.num_values:
                incomplete.add(name)
    return {
        "minValues": _bounds(lows, incomplete, min, _low),
        "maxValues": _bounds(highs, incomplete, max, _high),
        "nullCount": {name: count for name, count in nulls.items() if name not in incomplete},
    }


def _bounds(values: Mapping[str, list[Any]], incomplete: set[str], choose: Any, encode: Any) -> dict[str, Any]:
    bounds = {name: encode(choose(found)) for name, found in values.items() if name not in incomplete}
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _low(value: Any) -> int | float | str | None:
    """A lower bound as Delta writes it; None where it would be large or not exact."""
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    return _number_or_instant(value, datetime.timedelta())


def _high(value: Any) -> int | float | str | None:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else None
    return _number_or_instant(value, datetime.timedelta(microseconds=999))


def _number_or_instant(value: Any, rounding: datetime.timedelta) -> int | float | str | None:
    """Delta keeps instants to the millisecond, so an upper bound is rounded up."""
    if isinstance(value, datetime.datetime):
        return (value + rounding).astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else None
