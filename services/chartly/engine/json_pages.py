"""Decoding pages of JSON and NDJSON into one JSON text a record."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chartly.engine.errors import UnreadablePage
from chartly.engine.forms import LONG_NUMBER
from chartly.engine.json_slices import json_path, slices
from chartly.engine.pages import Decoded, Fault, Page, SourceRecord
from chartly.engine.reading import TextOf, error_of
from chartly.engine.tokens import INVALID_UTF8, Record, parse_record, text_at
from chartly.engine.tokens import has_path as record_has_path
from chartly.engine.values import Unfit

if TYPE_CHECKING:
    import pyarrow as pa
    from chartly.engine.workers import Worker

_MARK = b"\xef\xbb\xbf"
# DuckDB lets a comma stand before a closing bracket; JSON does not.
LOOSE_COMMA = r",\s*[}\]]"


@dataclass(frozen=True, slots=True)
class JsonRecord(SourceRecord):
    """A record that is one JSON text."""

    text: str

    def raw(self) -> str:
        """Return the text."""
        return self.text

    def texts(self) -> TextOf:
        """Return the texts of the record, by path."""
        record = parse_record(self.text)
        return lambda path: text_at(record, path)


class JsonRecords(Decoded):
    """Records of which each is one JSON text, in the column `j`."""

    relation = "json"

    def __init__(
        self,
        page: Page,
        texts: pa.Array,
        indexes: list[int] | None = None,
        faults: list[Fault] | None = None,
        *,
        may_be_loose: bool = True,
    ) -> None:
        import pyarrow as pa

        super().__init__(page, pa.table({"j": texts}), indexes, faults)
        self.may_be_loose = may_be_loose

    def records(self, rows: pa.Array) -> list[JsonRecord]:
        """Return the records of some rows."""
        return [JsonRecord(text or "null") for text in self.rows["j"].take(rows).to_pylist()]

    def has_path(self, path: str) -> bool:
        """Return whether any record has a path."""
        return any(record_has_path(record, path) for record in self._records())

    def keys(self) -> list[str]:
        """Return the keys that records have."""
        keys: dict[str, None] = {}
        for record in self._records():
            keys |= dict.fromkeys(record)
        return list(keys)

    def _records(self) -> Iterator[Record]:
        for text in self._all:
            try:
                yield parse_record(text or "null")
            except Unfit:
                continue

    @cached_property
    def _all(self) -> list[str | None]:
        texts: list[str | None] = self.rows["j"].to_pylist()
        return texts


class ListedRecords(JsonRecords):
    """Records of a JSON page, whose texts DuckDB has written again; the page's own text of each is cut out when asked for."""

    def __init__(self, page: Page, texts: pa.Array, text: str, path: str) -> None:
        """Keep the JSON texts of records; `may_be_loose` where one may have a comma before a closing bracket."""
        super().__init__(page, texts, may_be_loose=False)
        self._text, self._path = text, path

    def records(self, rows: pa.Array) -> list[JsonRecord]:
        """Return the records of some rows."""
        texts = _read_slices(self.page, self._text, self._path)
        return [JsonRecord(texts[row]) for row in rows.to_pylist()]


def decode_ndjson(page: Page) -> JsonRecords:
    """Return the lines of a page, empty ones left out; a line that is not UTF-8 is a fault."""
    import pyarrow as pa
    import pyarrow.compute as pc

    data = page.data.removeprefix(_MARK)
    whole = _as_array(data)
    lines = pc.split_pattern(whole, b"\n").values
    lines = lines.slice(0, len(lines) - 1) if data.endswith(b"\n") else lines
    if len(lines) and pc.min(pc.binary_length(lines)).as_py() < len(b"{}"):
        lines = lines.filter(pc.invert(pc.is_in(lines, pa.array([b"", b"\r", b" "], pa.large_binary()))))
    try:
        return JsonRecords(page, lines.cast(pa.large_string()), may_be_loose=_has(whole, LOOSE_COMMA))
    except pa.ArrowInvalid:
        return _lines_one_by_one(page, lines.to_pylist())


def _as_array(data: bytes) -> pa.Array:
    """Return an array of one value, the data itself, without a copy."""
    import pyarrow as pa

    offsets = pa.py_buffer(struct.pack("=qq", 0, len(data)))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(data)])


def _has(whole: pa.Array, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.match_substring_regex(whole, pattern)[0].as_py())


def _lines_one_by_one(page: Page, lines: list[bytes]) -> JsonRecords:
    import pyarrow as pa

    texts, indexes, faults = [], [], []
    for index, line in enumerate(lines):
        try:
            texts.append(line.decode())
            indexes.append(index)
        except UnicodeDecodeError as error:
            faults.append(_not_unicode(index, line, error))
    return JsonRecords(page, pa.array(texts, pa.large_string()), indexes, faults)


def _not_unicode(index: int, line: bytes, error: UnicodeDecodeError) -> Fault:
    """Return the fault of a line with a wrong byte; its raw form shows U+FFFD there, the page's artifact has the byte."""
    unfit = Unfit(f"has byte 0x{line[error.start]:02x} at {error.start}, which is not UTF-8", INVALID_UTF8)
    text = line.decode("utf-8", "replace")
    return Fault(index, text, error_of(unfit, "", text))


def decode_json(page: Page, path: str, worker: Worker) -> JsonRecords:
    """Return the records at a path of a page: the items of a list there, or the one object that is there.

    Raises:
        UnreadablePage: the page is not JSON, or has no list and no object at the path.
    """
    import pyarrow as pa

    data = page.data.removeprefix(_MARK)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _json_one_by_one(page, path)
    if _has(_as_array(data), f"{LONG_NUMBER}|{LOOSE_COMMA}"):
        return JsonRecords(page, pa.array(_read_slices(page, text, path), pa.large_string()))
    import duckdb

    try:
        found = worker.ask(_LIST_QUERY, page=text, path=json_path(path))
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        raise UnreadablePage(f"page {page.number} is not JSON: {_first_line(error)}", page=page.number) from None
    kind = found["kind"][0].as_py()
    if kind == "ARRAY":
        return ListedRecords(page, found["records"].combine_chunks().values.cast(pa.large_string()), text, path)
    return JsonRecords(page, pa.array(_read_slices(page, text, path), pa.large_string()))


_LIST_QUERY = """
SELECT json_type(records) AS kind, CASE WHEN json_type(records) = 'ARRAY' THEN from_json(records, '["JSON"]') END AS records
FROM (SELECT json_extract($page::JSON, $path) AS records)
"""


def _json_one_by_one(page: Page, path: str) -> JsonRecords:
    """Read a page that is not UTF-8: the records with wrong bytes are faults, the others are good."""
    import pyarrow as pa

    text = page.data.removeprefix(_MARK).decode("utf-8", "surrogateescape")
    texts, indexes, faults = [], [], []
    for index, record in enumerate(_read_slices(page, text, path)):
        line = record.encode("utf-8", "surrogateescape")
        try:
            texts.append(line.decode())
            indexes.append(index)
        except UnicodeDecodeError as error:
            faults.append(_not_unicode(index, line, error))
    return JsonRecords(page, pa.array(texts, pa.large_string()), indexes, faults)


def _read_slices(page: Page, text: str, path: str) -> list[str]:
    try:
        return list(slices(text, path))
    except ValueError as error:
        raise UnreadablePage(f"page {page.number} is not JSON: {error}", page=page.number) from None
    except RecursionError:
        raise UnreadablePage(f"page {page.number} is nested too deeply", page=page.number) from None
    except LookupError as error:
        raise UnreadablePage(f"page {page.number}: {error.args[0]}", page=page.number, path=path) from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
