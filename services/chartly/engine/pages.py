"""Pages of a source, and what decoding makes of them: a table of records, and those that cannot even be decoded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chartly.engine.reading import RecordError, TextOf

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["json", "ndjson", "csv", "parquet"]


@dataclass(frozen=True, slots=True)
class Page:
    """Bytes as the source sent them, without compression.

    `number` counts the pages of a run from 1. `first_record` is the number, from 1, of the first record here in its page:
    more than 1 where a large page was cut in pieces (`cutting`), each of which is passed as a page of that number.
    """

    number: int
    data: bytes
    format: Format
    first_record: int = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that cannot be decoded: its index in the page from 0, its text, and why."""

    index: int
    text: str
    error: RecordError


class SourceRecord(ABC):
    """One record as the source has it."""

    @abstractmethod
    def raw(self) -> str:
        """Return the record as JSON text, or its text if it is no JSON."""

    @abstractmethod
    def texts(self) -> TextOf:
        """Return the texts of the record, by path; raises Unfit if it is none."""


class Decoded(ABC):
    """The records of one page; tables of the same relation and schema can be mapped together."""

    relation: str

    def __init__(
        self, page: Page, rows: pa.Table, indexes: list[int] | None = None, faults: list[Fault] | None = None
    ) -> None:
        """Keep the records of a page.

        Args:
            rows: one row a record that could be decoded.
            indexes: the place of each row's record in the page, from 0; None if each record has its row.
            faults: the other records.
        """
        self.page, self.rows, self._indexes, self.faults = page, rows, indexes, faults or []

    @property
    def record_count(self) -> int:
        """Records in the page, those that could not be decoded included."""
        return int(self.rows.num_rows) + len(self.faults)

    def record_number(self, row: int) -> int:
        """Return the number of a row's record in its page, from 1."""
        return self.page.first_record + (row if self._indexes is None else self._indexes[row])

    @abstractmethod
    def records(self, rows: pa.Array) -> Sequence[SourceRecord]:
        """Return the records of some rows, given their places in the table."""

    @abstractmethod
    def has_path(self, path: str) -> bool:
        """Return whether any record has a key at a path, be its value null."""

    @abstractmethod
    def keys(self) -> list[str]:
        """Return the keys that records have, in the order of their first appearance."""
