"""Records that are rows of a table, and how CSV becomes one."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chartly.engine.errors import UnreadablePage
from chartly.engine.pages import Decoded, Fault, Page, SourceRecord
from chartly.engine.reading import TextOf, error_of
from chartly.engine.tokens import INVALID_UTF8, MALFORMED
from chartly.engine.values import Unfit

if TYPE_CHECKING:
    import pyarrow as pa

_MARK = b"\xef\xbb\xbf"
_MIN_BLOCK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class TableRecord(SourceRecord):
    """A record that is a row of texts; the `nulls` mean that there is no value."""

    values: dict[str, str | None]
    nulls: tuple[str, ...]

    def raw(self) -> str:
        """Return the record as JSON text."""
        return json.dumps(self.values, ensure_ascii=False)

    def texts(self) -> TextOf:
        """Return the texts of the record, by the name of their column."""
        return {name: None if text in self.nulls else text for name, text in self.values.items()}.get


class TableRecords(Decoded):
    """Records that are rows of texts; a source path is the name of a column."""

    relation = "table"

    def __init__(
        self,
        page: Page,
        rows: pa.Table,
        indexes: list[int] | None = None,
        faults: list[Fault] | None = None,
        *,
        nulls: tuple[str, ...] = (),
    ) -> None:
        """Keep rows whose texts are values, but for the `nulls`, which mean that there is none."""
        super().__init__(page, rows, indexes, faults)
        self.nulls = nulls

    def records(self, rows: pa.Array) -> list[TableRecord]:
        """Return the records of some rows."""
        return self._as_records(self.rows.take(rows))

    def has_path(self, path: str) -> bool:
        """Return whether any record has a path."""
        return path in self.rows.column_names

    def keys(self) -> list[str]:
        """Return the keys that records have."""
        return list(self.rows.column_names)

    def _as_records(self, texts: pa.Table) -> list[TableRecord]:
        columns = [column.to_pylist() for column in texts.columns]
        names = texts.column_names
        return [TableRecord(dict(zip(names, row, strict=True)), self.nulls) for row in zip(*columns, strict=True)]


def decode_csv(page: Page, delimiter: str, nulls: tuple[str, ...]) -> TableRecords:
    """Return the rows of a page, all texts; its first row names the columns.

    A row with too few or too many fields, or that is not UTF-8, is a fault.

    Raises:
        UnreadablePage: two columns have one name.
    """
    import pyarrow as pa

    data = page.data.removeprefix(_MARK)
    names = next(csv.reader(io.StringIO(_first_line(data)), delimiter=delimiter), [])
    if repeated := [name for index, name in enumerate(names) if name in names[:index]]:
        raise UnreadablePage(
            f'page {page.number} has two columns "{repeated[0]}"', page=page.number, column=repeated[0]
        )
    if not names:
        return TableRecords(page, pa.table({}))
    try:
        return TableRecords(page, _read_at_once(data, names, delimiter), nulls=nulls)
    except pa.ArrowInvalid:
        rows, indexes, faults = _read_row_by_row(page, data, names, delimiter)
        return TableRecords(page, rows, indexes, faults, nulls=nulls)


def _first_line(data: bytes) -> str:
    """Return the row of the column names, which may have line ends in quotes."""
    end = data.find(b"\n")
    while end != -1 and data.count(b'"', 0, end) % 2:
        end = data.find(b"\n", end + 1)
    return (data if end == -1 else data[:end]).decode("utf-8", "replace").removesuffix("\r")


def _read_at_once(data: bytes, names: list[str], delimiter: str) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    # One block for the whole page: a value that spans two blocks is read wrong or not at all.
    read = arrow_csv.ReadOptions(use_threads=False, block_size=max(len(data) + 1, _MIN_BLOCK_BYTES))
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    convert = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return arrow_csv.read_csv(pa.BufferReader(data), read, parse, convert)


def _read_row_by_row(
    page: Page, data: bytes, names: list[str], delimiter: str
) -> tuple[pa.Table, list[int], list[Fault]]:
    import pyarrow as pa

    rows: list[list[str]] = []
    indexes: list[int] = []
    faults: list[Fault] = []
    for index, (row, line) in enumerate(_rows(page, data, delimiter)):
        unfit = _fault_of(row, line, names)
        if unfit is None:
            rows.append(row)
            indexes.append(index)
        else:
            text = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            faults.append(Fault(index, text, error_of(unfit, "", text)))
    columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)] or [
        pa.array([], pa.string())
    ] * len(names)
    return pa.table(columns, names=names), indexes, faults


def _fault_of(row: list[str], line: str, names: list[str]) -> Unfit | None:
    if len(row) != len(names):
        return Unfit(f"has {len(row)} fields where the first row names {len(names)}", MALFORMED)
    return None if line.isascii() or _is_unicode(line) else Unfit("is not UTF-8", INVALID_UTF8)


def _is_unicode(text: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in text)


def _rows(page: Page, data: bytes, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Yield the fields and the text of each row after the first; wrong bytes are lone surrogates in them."""
    lines = list(io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""))
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(iter(lines), delimiter=delimiter)
    try:
        next(reader)
        start = reader.line_num
        for row in reader:
            if row:
                yield row, "".join(lines[start : reader.line_num]).rstrip("\r\n")
            start = reader.line_num
    except csv.Error as error:
        raise UnreadablePage(f"page {page.number} is not CSV: {error}", page=page.number) from None
