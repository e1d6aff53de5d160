"""Reading the rows of a snapshot: filtered, in the order of observed_at and record_id, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from chartly.aggregator.filter import Condition

if TYPE_CHECKING:
    import pyarrow as pa

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "512MB",
    "autoinstall_known_extensions": False,
}


class Place(NamedTuple):
    """Where a page ended.

    observed_micros: observed_at of its last row, microseconds since 1970; None where that row has none.
    record_id: of its last row.
    seen: rows with that observed_at and record_id so far; equal records share both.
    """

    observed_micros: int | None
    record_id: str
    seen: int


class Row(NamedTuple):
    """A row of a dataset; `dims` and `measures` hold JSON values by column name."""

    record_id: str
    run_id: str
    observed_at: datetime | None
    dims: dict[str, Any]
    measures: dict[str, Any]

    @property
    def observed_micros(self) -> int | None:
        """observed_at in microseconds since 1970."""
        if self.observed_at is None:
            return None
        whole = int(self.observed_at.replace(microsecond=0).timestamp())
        return whole * 1_000_000 + self.observed_at.microsecond


def types_of(schema: pa.Schema) -> dict[str, str]:
    """Return the type of each column in a profile's words."""
    return {field.name: _type_of(field.type) for field in schema}


def read_rows(
    file_paths: Sequence[str],
    schema: pa.Schema,
    *,
    condition: Condition,
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    after: Place | None = None,
    limit: int,
) -> list[Row]:
    """Return up to `limit` rows that meet the condition and lie in [start_time, end_time), from the place `after` on.

    Blocks while DuckDB reads; call it in a thread. A column that a file lacks is null in its rows.
    """
    import duckdb

    if not file_paths:
        return []
    where, parameters = _where(condition, start_time, end_time, after)
    columns = ", ".join(_column(field) for field in schema)
    query = (
        f"SELECT {columns} FROM read_parquet(?, union_by_name = true) WHERE {where} "
        "ORDER BY observed_at NULLS LAST, record_id, run_id LIMIT ? OFFSET ?"
    )
    with duckdb.connect(config=_CONFIG) as connection:
        found = connection.execute(query, [list(file_paths), *parameters, limit, after.seen if after else 0]).fetchall()
    return [_row(schema, values) for values in found]


def place_after(rows: Sequence[Row], before: Place | None) -> Place:
    """Return the place after `rows`, a page that began at `before`."""
    last = rows[-1]
    seen = sum(row.record_id == last.record_id and row.observed_at == last.observed_at for row in rows)
    if before is not None and (before.observed_micros, before.record_id) == (last.observed_micros, last.record_id):
        seen += before.seen
    return Place(last.observed_micros, last.record_id, seen)


def _where(
    condition: Condition, start_time: datetime | None, end_time: datetime | None, after: Place | None
) -> tuple[str, list[Any]]:
    parts, parameters = [condition.sql], list(condition.parameters)
    if start_time is not None:
        parts.append("observed_at >= ?")
        parameters.append(start_time)
    if end_time is not None:
        parts.append("observed_at < ?")
        parameters.append(end_time)
    if after is not None and after.observed_micros is None:
        parts.append("(observed_at IS NULL AND record_id >= ?)")
        parameters.append(after.record_id)
    elif after is not None:
        instant = "make_timestamptz(?)"
        parts.append(
            f"(observed_at IS NULL OR observed_at > {instant} OR (observed_at = {instant} AND record_id >= ?))"
        )
        parameters += [after.observed_micros, after.observed_micros, after.record_id]
    return " AND ".join(parts), parameters


def _column(field: pa.Field) -> str:
    import pyarrow as pa

    name = '"' + field.name.replace('"', '""') + '"'
    # Python has no time zone data of its own on some machines, so instants cross as microseconds.
    return f"epoch_us({name})" if pa.types.is_timestamp(field.type) else name


def _row(schema: pa.Schema, values: Sequence[Any]) -> Row:
    import pyarrow as pa
    from chartly.engine.reading import json_value

    by_kind: dict[str, dict[str, Any]] = {"system": {}, "dim": {}, "measure": {}}
    for field, value in zip(schema, values, strict=True):
        kind = (field.metadata or {}).get(b"kind", b"system").decode()
        by_kind[kind][field.name] = _instant(value) if pa.types.is_timestamp(field.type) else value
    system = by_kind["system"]
    dims, measures = ({name: json_value(value) for name, value in by_kind[kind].items()} for kind in ("dim", "measure"))
    return Row(system["record_id"], system["run_id"], system["observed_at"], dims, measures)


def _instant(micros: int | None) -> datetime | None:
    if micros is None:
        return None
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)


def _type_of(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_decimal(kind):
        return "decimal"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    return "number" if pa.types.is_floating(kind) else "string"
