"""Mapping the pages of a run, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import duckdb
import pyarrow as pa
from chartly.engine.errors import SourceFieldMissing
from chartly.engine.json_pages import JsonRecords, decode_json, decode_ndjson
from chartly.engine.mapped import Mapped, accepted_schema, joined
from chartly.engine.pages import Decoded, Page
from chartly.engine.parquet_pages import ParquetRecords, decode_parquet
from chartly.engine.plan import Plan
from chartly.engine.query import mapping_query
from chartly.engine.records import empty_answer, map_records
from chartly.engine.table_pages import TableRecords, decode_csv
from chartly.engine.texts import JSON_COLUMN, has_strict_form, json_texts, table_texts
from chartly.engine.workers import Worker, borrow, give_back

_ROWS = "{rows}"
_MAX_KEYS_SHOWN = 20


class Mapper:
    """Maps the pages of one plan, several at once. It keeps no records, and any thread may call it; close it in the end.

    The time goes by in DuckDB and Arrow, on all cores and without the interpreter's lock. Memory is a few times the size of
    the batch. Pages of some 10 000 records, at least as many a batch as there are cores, are fastest.
    """

    def __init__(self, plan: Plan, *, check_fields: bool = True) -> None:
        """Prepare the mapping of a plan.

        Args:
            check_fields: whether a field that no record of page 1 has fails the run. Say no for records that come one by
                one: submitted, or mapped again from quarantine.
        """
        self.plan = plan
        self._check_fields = check_fields
        self._workers = borrow()
        self._strict_query = self._json_query(strict=True) if has_strict_form(plan) else None
        self._loose_query = self._json_query(strict=False)

    def __enter__(self) -> Mapper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the threads back, when nothing is being mapped any more."""
        give_back(self._workers)

    def map(self, pages: Sequence[Page]) -> Mapped:
        """Return what a batch of pages comes to.

        Raises:
            UnreadablePage: a page is not what its format says.
            SourceFieldMissing: no record of page 1 has a field's path.
            ValueRefused: a value does not fit a field of severity `fail`.
        """
        return joined(list(self._workers.map(self._map_page, pages)), accepted_schema(self.plan))

    def _map_page(self, page: Page, worker: Worker) -> Mapped:
        decoded = self._decode(page, worker)
        if not decoded.rows.num_rows:
            return map_records(self.plan, decoded, empty_answer(self.plan))
        self._check_first(decoded)
        if isinstance(decoded, TableRecords):
            return self._map_table(decoded, worker)
        return map_records(self.plan, decoded, self._ask_json(decoded, worker))

    def _decode(self, page: Page, worker: Worker) -> JsonRecords | TableRecords:
        match page.format:
            case "ndjson":
                return decode_ndjson(page)
            case "json":
                return decode_json(page, self.plan.records_path, worker)
            case "csv":
                return decode_csv(page, self.plan.csv_delimiter, self.plan.csv_null_values)
            case "parquet":
                return decode_parquet(page, self.plan, worker)

    def _check_first(self, decoded: Decoded) -> None:
        page = decoded.page
        if not self._check_fields or page.number != 1 or page.first_record != 1:
            return
        for column in self.plan.inputs:
            if column.default is None and not decoded.has_path(column.source) and (keys := decoded.keys()):
                shown = ", ".join(keys[:_MAX_KEYS_SHOWN])
                raise SourceFieldMissing(
                    f'{column.name}: no record of page 1 has "{column.source}"; its keys: {shown}',
                    field=column.name,
                    source=column.source,
                    keys=shown,
                )

    def _map_table(self, decoded: TableRecords, worker: Worker) -> Mapped:
        plan = decoded.plan_of(self.plan) if isinstance(decoded, ParquetRecords) else self.plan
        query = mapping_query(plan, table_texts(plan, _ROWS, decoded.rows.column_names, decoded.nulls))
        return map_records(plan, decoded, worker.run(query, decoded.rows))

    def _ask_json(self, decoded: JsonRecords, worker: Worker) -> pa.Table:
        if self._strict_query and not decoded.may_be_loose:
            try:
                return worker.run(self._strict_query, decoded.rows)
            except duckdb.InvalidInputException:
                self._strict_query = None  # records lack keys, and so would the next page's
        return worker.run(self._loose_query, decoded.rows)

    def _json_query(self, *, strict: bool) -> str:
        return mapping_query(self.plan, json_texts(self.plan, _ROWS, strict=strict), json_column=JSON_COLUMN)
