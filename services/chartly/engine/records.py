"""What a page comes to: the query judges its plain records, the reference the others."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from chartly.engine.errors import ValueRefused
from chartly.engine.mapped import Mapped, Rejected, accepted_schema, rejected_table
from chartly.engine.pages import Decoded, SourceRecord
from chartly.engine.plan import OBSERVED_AT, Plan
from chartly.engine.query import ODD
from chartly.engine.reading import Reading, RecordError, RecordReader, error_of
from chartly.engine.tokens import as_json
from chartly.engine.values import Unfit


def map_records(plan: Plan, decoded: Decoded, answer: pa.Table) -> Mapped:
    """Return what a page comes to, given the answer of the mapping query to its rows.

    Raises:
        ValueRefused: a value does not fit a field of severity `fail`.
    """
    odd = pc.indices_nonzero(answer[ODD])
    judge = _Judge(plan, decoded)
    if len(odd):
        for row, record in zip(odd.to_pylist(), decoded.records(odd), strict=True):
            judge.judge(row, record)
    accepted = _with_judged(_as_accepted(plan, answer), odd, judge)
    rejected = sorted([*judge.rejected, *_faults(decoded)], key=lambda record: record.record)
    return Mapped(accepted, rejected_table(rejected), decoded.record_count, warnings=dict(judge.warnings))


class _Judge:
    """Reads records that are not plain, one by one, and keeps what comes of them."""

    def __init__(self, plan: Plan, decoded: Decoded) -> None:
        self._decoded, self._reader = decoded, RecordReader(plan)
        self.rows: list[int] = []
        self.records: list[dict[str, Any]] = []
        self.rejected: list[Rejected] = []
        self.warnings: Counter[str] = Counter()

    def judge(self, row: int, record: SourceRecord) -> None:
        """Read the record of a row."""
        reading = self._read(record)
        if reading.fatal:
            raise self._refused(row, reading.fatal)
        self.warnings.update(reading.warnings)
        if reading.errors:
            number = self._decoded.record_number(row)
            raw = as_json(record.raw())
            self.rejected.append(Rejected(self._decoded.page.number, number, raw, reading.errors))
        else:
            self.rows.append(row)
            self.records.append({"record_id": self._reader.record_id(reading), OBSERVED_AT: None, **reading.values})

    def _read(self, record: SourceRecord) -> Reading:
        try:
            return self._reader.read(record.texts())
        except Unfit as unfit:
            return Reading(errors=[error_of(unfit, "", record.raw())])

    def _refused(self, row: int, error: RecordError) -> ValueRefused:
        page, record = self._decoded.page.number, self._decoded.record_number(row)
        message = f"page {page}, record {record}: {error.message}; the field's severity is fail"
        return ValueRefused(message, field=error.field, page=page, record=record)


def empty_answer(plan: Plan) -> pa.Table:
    """Return the answer of the mapping query to no rows."""
    return pa.schema([pa.field(ODD, pa.bool_()), *accepted_schema(plan)]).empty_table()


def _faults(decoded: Decoded) -> list[Rejected]:
    page = decoded.page
    return [
        Rejected(page.number, page.first_record + fault.index, as_json(fault.text), [fault.error])
        for fault in decoded.faults
    ]


def _as_accepted(plan: Plan, answer: pa.Table) -> pa.Table:
    """Return the answer's records with the types and metadata of the plan; DuckDB's instants are UTC without saying so."""
    schema = accepted_schema(plan)
    return pa.table([_cast(answer[field.name], field.type) for field in schema], schema=schema)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)


def _with_judged(plain: pa.Table, odd: pa.Array, judge: _Judge) -> pa.Table:
    """Return the plain rows, and those that the judge found good, in the order of the source."""
    if not len(odd):
        return plain
    places = pa.array(range(plain.num_rows), pa.int64())
    is_odd = pc.is_in(places, odd.cast(pa.int64()))
    good = places.filter(pc.invert(is_odd))
    plain = plain.take(good)
    if not judge.rows:
        return plain
    judged = pa.Table.from_pylist(judge.records, plain.schema)
    order = pc.sort_indices(pa.concat_arrays([good, pa.array(judge.rows, pa.int64())]))
    return pa.concat_tables([plain, judged]).take(order)
