"""Decoding pages of Parquet: columns of any type become texts, so that one set of rules reads them all."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from chartly.engine.errors import UnreadablePage
from chartly.engine.pages import Page
from chartly.engine.plan import Column, Plan
from chartly.engine.table_pages import TableRecord, TableRecords

if TYPE_CHECKING:
    import pyarrow as pa
    from chartly.engine.workers import Worker


class ParquetRecords(TableRecords):
    """Rows of Parquet; only the columns that a plan asks for are texts already."""

    def __init__(self, page: Page, rows: pa.Table, whole: pa.Table, worker: Worker) -> None:
        """Keep the whole table beside the texts that the plan asks for."""
        super().__init__(page, rows)
        self._whole, self._worker = whole, worker

    @property
    def native_types(self) -> frozenset[str]:
        """The columns whose values are instants or dates already."""
        import pyarrow as pa

        return frozenset(field.name for field in self._whole.schema if pa.types.is_temporal(field.type))

    def plan_of(self, plan: Plan) -> Plan:
        """Return a plan that expects no `format` of columns that are instants or dates already."""
        native = self.native_types

        def adapted(column: Column) -> Column:
            return dataclasses.replace(column, format="") if column.source in native else column

        observed_at = adapted(plan.observed_at) if plan.observed_at else None
        return dataclasses.replace(plan, columns=tuple(map(adapted, plan.columns)), observed_at=observed_at)

    def records(self, rows: pa.Array) -> list[TableRecord]:
        """Return the records of some rows, with all columns."""
        return self._as_records(_texts(self._whole.take(rows), self._whole.column_names, self._worker))

    def has_path(self, path: str) -> bool:
        """Return whether any record has a path."""
        return path in self._whole.column_names

    def keys(self) -> list[str]:
        """Return the keys that records have."""
        return list(self._whole.column_names)


def decode_parquet(page: Page, plan: Plan, worker: Worker) -> ParquetRecords:
    """Return the rows of a Parquet file.

    Raises:
        UnreadablePage: the bytes are not Parquet, a text is not UTF-8, or a field is mapped to a column of lists, structs
            or bytes.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        whole = _known_types(parquet.read_table(pa.BufferReader(page.data)))
        whole.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise UnreadablePage(
            f"page {page.number} is not Parquet: {str(error).splitlines()[0]}", page=page.number
        ) from None
    names = [name for name in dict.fromkeys(column.source for column in plan.inputs) if name in whole.column_names]
    for name in names:
        _refuse_nested(page, whole.schema.field(name))
    return ParquetRecords(page, _texts(whole, names, worker), whole, worker)


def _known_types(table: pa.Table) -> pa.Table:
    """Return a table without the types that DuckDB does not know: half floats, and decimals of more than 38 digits."""
    import pyarrow as pa

    def known(field: pa.Field) -> pa.Field:
        if pa.types.is_float16(field.type):
            return field.with_type(pa.float32())
        return field.with_type(pa.string()) if pa.types.is_decimal256(field.type) else field

    return table.cast(pa.schema([known(field) for field in table.schema]))


def _refuse_nested(page: Page, field: pa.Field) -> None:
    import pyarrow as pa

    if pa.types.is_nested(field.type) or pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
        message = f'column "{field.name}" of page {page.number} is {field.type}, which no field can take'
        raise UnreadablePage(message, page=page.number, column=field.name)


def _texts(table: pa.Table, names: list[str], worker: Worker) -> pa.Table:
    if not names:
        return table.select([])
    wanted = table.select(names)
    texts = ", ".join(_text(field) for field in wanted.schema)
    return worker.run(f"SELECT {texts} FROM {{rows}}", wanted)


def _text(field: pa.Field) -> str:
    import pyarrow as pa

    name = '"' + field.name.replace('"', '""') + '"'
    kind = field.type
    text = f"CAST({name} AS VARCHAR)"
    if pa.types.is_floating(kind):
        # A float of 32 bits is shown with all the digits of its value, not with the fewest that tell it from others.
        text = f"CASE WHEN isnan({name}) THEN 'NaN' ELSE CAST(CAST({name} AS DOUBLE) AS VARCHAR) END"
    elif pa.types.is_timestamp(kind):
        instant = f"timezone('UTC', {name})" if kind.tz else f"CAST({name} AS TIMESTAMP)"
        text = f"strftime({instant}, '%Y-%m-%dT%H:%M:%S.%f{'Z' if kind.tz else ''}')"
    elif pa.types.is_nested(kind):
        text = f"CAST(to_json({name}) AS VARCHAR)"
    return f"{text} AS {name}"
