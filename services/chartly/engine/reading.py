"""Reading one record: every value of it, and every error.

This is the reference that says what a profile means. `query` does the same for whole columns of plain records; what it
does not find plain comes here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from functools import cached_property
from typing import Any

from chartly.api.run.v1.run_pb2 import RecordErrorReason as Reason
from chartly.engine.digest import canonical_value
from chartly.engine.plan import OBSERVED_AT, Column, Plan
from chartly.engine.times import read_date, read_timestamp
from chartly.engine.tokens import NotFinite
from chartly.engine.values import (
    MAX_EXACT_INTEGER,
    OUT_OF_RANGE,
    Constant,
    Unfit,
    number_text,
    read_boolean,
    read_decimal,
    read_integer,
    read_number,
    shown,
)

TextOf = Callable[[str], str | None]
"""The text at a source path of one record; None if there is none. Raises Unfit where no text can be had."""

Bound = int | float | Decimal | None


@dataclass(frozen=True, slots=True)
class RecordError:
    """One reason why a record is bad; the digest is of the value's text, empty without one."""

    reason: str
    field: str
    message: str
    value_digest: str = ""


@dataclass(slots=True)
class Reading:
    """What became of one record: its values by column, or its errors; and the fields whose value became null."""

    values: dict[str, Constant | None] = field(default_factory=dict)
    errors: list[RecordError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    fatal: RecordError | None = None


class RecordReader:
    """Reads the records of a plan, one by one. Safe to share between threads."""

    def __init__(self, plan: Plan) -> None:
        self._keys = {
            kind: [(column.name, f"{canonical_value(column.name)}:") for column in plan.columns if column.kind == kind]
            for kind in ("dim", "measure")
        }
        self._readers = [ColumnReader(column) for column in plan.inputs]

    def read(self, text_of: TextOf) -> Reading:
        """Return what becomes of a record.

        Args:
            text_of: the text at a source path, None if there is none; raises Unfit where no text can be had.
        """
        reading = Reading()
        for reader in self._readers:
            column, text = reader.column, None
            try:
                text = text_of(column.source)
                reading.values[column.name] = reader.read(text)
            except Unfit as unfit:
                _take(reading, column, error_of(unfit, column.name, text))
        return reading

    def record_id(self, reading: Reading) -> str:
        """Return the identity of a good record: the sha256 of the RFC 8785 JSON of its dims, measures and observed_at."""
        dims, measures = (",".join(self._members(reading, kind)) for kind in ("dim", "measure"))
        observed_at = canonical_value(json_value(reading.values.get(OBSERVED_AT)))
        text = f'{{"dims":{{{dims}}},"measures":{{{measures}}},"{OBSERVED_AT}":{observed_at}}}'
        return hashlib.sha256(text.encode()).hexdigest()

    def _members(self, reading: Reading, kind: str) -> Iterator[str]:
        """Yield the members of an object; columns are sorted by name, as RFC 8785 sorts keys."""
        for name, key in self._keys[kind]:
            yield key + canonical_value(json_value(reading.values[name]))


class ColumnReader:
    """Reads the values of one column: replace, null_values, type, default, then what the field allows."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self._replace = dict(column.replace)

    def read(self, text: str | None) -> Constant | None:
        """Return the value of a text; None if it means no value and need not have one.

        Raises:
            Unfit: the value is missing though required, not of the type, or not allowed.
        """
        if text is not None and text in self._replace:
            text = self._replace[text]
        value = None if text is None or text in self.column.null_values else self._typed(text)
        if value is None or self._means_null(value):
            return self._without_value()
        self._check(value, text or "")
        return value

    def constant(self, text: str) -> Constant:
        """Return a text that the profile writes out as a value of the column.

        Raises:
            Unfit: it is not of the type.
        """
        return self._typed(text)

    @cached_property
    def default(self) -> Constant | None:
        """The value of a record that has none."""
        return None if self.column.default is None else self._typed(self.column.default)

    @cached_property
    def enum(self) -> tuple[Constant, ...]:
        """The values allowed; empty for all."""
        return tuple(map(self._typed, self.column.enum))

    @cached_property
    def bounds(self) -> tuple[Bound, Bound]:
        """The smallest and the largest value allowed, of the column's type; None for no bound."""
        column = self.column
        return _bound(column, column.minimum, ROUND_CEILING), _bound(column, column.maximum, ROUND_FLOOR)

    @cached_property
    def null_constants(self) -> tuple[Constant, ...]:
        """The null values that are of the column's type."""
        return tuple(value for text in self.column.null_values if (value := self._typed_or_none(text)) is not None)

    def _typed(self, text: str) -> Constant:
        column = self.column
        if isinstance(text, NotFinite):
            raise Unfit(f"{text} is no value of JSON", OUT_OF_RANGE)
        match column.type:
            case "integer":
                return read_integer(text)
            case "number":
                return read_number(text)
            case "decimal":
                return read_decimal(text, column.scale)
            case "boolean":
                return read_boolean(text)
            case "timestamp":
                return read_timestamp(text, column.format, column.time_zone)
            case "date":
                return read_date(text, column.format)
        return text

    def _typed_or_none(self, text: str) -> Constant | None:
        try:
            return self._typed(text)
        except Unfit:
            return None

    def _means_null(self, value: Constant) -> bool:
        return self.column.type != "string" and value in self.null_constants

    def _without_value(self) -> Constant | None:
        if self.column.required:
            raise Unfit("is required and has no value", Reason.RECORD_ERROR_REASON_REQUIRED)
        return self.default

    def _check(self, value: Constant, text: str) -> None:
        column = self.column
        if self.enum and value not in self.enum:
            raise Unfit(f"{shown(text)} not in [{', '.join(column.enum)}]", Reason.RECORD_ERROR_REASON_NOT_IN_ENUM)
        self._check_bounds(value, text)
        if column.pattern and not matches(column.pattern, text):
            message = f"{shown(text)} does not match {column.pattern}"
            raise Unfit(message, Reason.RECORD_ERROR_REASON_PATTERN_MISMATCH)

    def _check_bounds(self, value: Any, text: str) -> None:
        low, high = self.bounds
        if low is not None and value < low:
            message = f"{shown(text)} is below {number_text(self.column.minimum or 0.0)}"
            raise Unfit(message, Reason.RECORD_ERROR_REASON_BELOW_MINIMUM)
        if high is not None and value > high:
            message = f"{shown(text)} is above {number_text(self.column.maximum or 0.0)}"
            raise Unfit(message, Reason.RECORD_ERROR_REASON_ABOVE_MAXIMUM)


_BOUND_DIGITS = 400


def _bound(column: Column, bound: float | None, rounding: str) -> Bound:
    """Return a bound as the profile writes it, moved inward to a value that the type can have."""
    if bound is None or column.type == "number":
        return bound
    exact = Decimal(number_text(bound))
    with localcontext(prec=_BOUND_DIGITS):
        rounded = exact.quantize(Decimal(1).scaleb(-column.scale), rounding)
    return int(rounded) if column.type == "integer" else rounded


def matches(pattern: str, text: str) -> bool:
    """Return whether a text has a match of an RE2 pattern somewhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return bool(pc.match_substring_regex(pa.scalar(text), pattern).as_py())


def error_of(unfit: Unfit, name: str, text: str | None) -> RecordError:
    """Return the error of a field (or of a whole record, with an empty name), as quarantine keeps it."""
    digest = "" if text is None else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return RecordError(Reason.Name(unfit.reason), name, f"{name or 'the record'} {unfit}", digest)


def json_value(value: Constant | None) -> str | int | float | bool | None:
    """Return a value as records have it in JSON: integers beyond 2^53 and decimals as text, instants in RFC 3339."""
    if isinstance(value, datetime):
        spec = (
            "seconds" if value.microsecond == 0 else "milliseconds" if value.microsecond % 1000 == 0 else "microseconds"
        )
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=spec) + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool | str | float) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_EXACT_INTEGER else str(value)
    return f"{value:f}"


def _take(reading: Reading, column: Column, error: RecordError) -> None:
    if column.severity == "warn":
        reading.values[column.name] = None
        reading.warnings.append(column.name)
        return
    reading.errors.append(error)
    if column.severity == "fail" and reading.fatal is None:
        reading.fatal = error
