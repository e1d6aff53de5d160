"""How a text becomes a value of a field's type, one by one.

This is the reference: `expressions` does the same by the column for texts in their plain forms and leaves the others to
this module. It also reads the values that a profile writes out (defaults, enums, null values).
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation, localcontext

from chartly.api.run.v1.run_pb2 import RecordErrorReason
from google.protobuf.struct_pb2 import Value

NUMBER_PATTERN = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,9})?"
MAX_EXACT_INTEGER = 2**53 - 1
MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)
DECIMAL_DIGITS = 38

Constant = str | int | float | bool | Decimal | datetime | date

_NUMBER = re.compile(NUMBER_PATTERN, re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?(nan|inf|infinity)", re.IGNORECASE)
_MAX_SHOWN = 60

MISMATCH = RecordErrorReason.RECORD_ERROR_REASON_TYPE_MISMATCH
OUT_OF_RANGE = RecordErrorReason.RECORD_ERROR_REASON_OUT_OF_RANGE
SCALE_EXCEEDED = RecordErrorReason.RECORD_ERROR_REASON_SCALE_EXCEEDED


class Unfit(ValueError):
    """A text is not of the type; the message goes on from the field's name."""

    def __init__(self, message: str, reason: RecordErrorReason.ValueType = MISMATCH) -> None:
        super().__init__(message)
        self.reason = reason


def shown(text: str) -> str:
    """Return a text in quotes, shortened for a message."""
    return f'"{text[:_MAX_SHOWN]}…"' if len(text) > _MAX_SHOWN else f'"{text}"'


def text_of(value: Value) -> str | None:
    """Return the text of a scalar, a number in its shortest form; None for null.

    Raises:
        Unfit: the value is a list or a mapping.
    """
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            return number_text(value.number_value)
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "null_value":
            return None
    raise Unfit("takes a text, a number, true, false or null")


def number_text(number: float) -> str:
    """Return the shortest decimal text of a finite double; integers up to 2^53 without a point."""
    return str(int(number)) if number.is_integer() and abs(number) <= 2**53 else repr(number)


def read_integer(text: str) -> int:
    """Return a text as a 64-bit integer; `1.0` and `1e3` are integers, `1.5` is none.

    Raises:
        Unfit: the text is not a number, not integer, or beyond 64 bits.
    """
    number = read_exact(text)
    if number.adjusted() > DECIMAL_DIGITS:
        raise Unfit(f"{shown(text)} is beyond 64 bits", OUT_OF_RANGE)
    if number != (integer := int(number)):
        raise Unfit(f"{shown(text)} is not an integer")
    if not MIN_INTEGER <= integer <= MAX_INTEGER:
        raise Unfit(f"{shown(text)} is beyond 64 bits", OUT_OF_RANGE)
    return integer


def read_number(text: str) -> float:
    """Return a text as the nearest double; minus zero is zero, because their identity is the same.

    Raises:
        Unfit: the text is not a number, or beyond a double.
    """
    _check_number(text)
    if not math.isfinite(number := float(text)):
        raise Unfit(f"{shown(text)} is beyond a double", OUT_OF_RANGE)
    return number + 0.0


def read_decimal(text: str, scale: int) -> Decimal:
    """Return a text as an exact decimal of 38 digits, `scale` of them after the point; more zeros may follow.

    Raises:
        Unfit: the text is not a number, or has more digits.
    """
    number = read_exact(text)
    if number and number.adjusted() >= DECIMAL_DIGITS - scale:
        raise Unfit(f"{shown(text)} has more than {DECIMAL_DIGITS - scale} digits before the point", OUT_OF_RANGE)
    with localcontext(prec=DECIMAL_DIGITS + 1):
        rounded = number.quantize(Decimal(1).scaleb(-scale)) + 0
    if rounded != number:
        raise Unfit(f"{shown(text)} has more than {scale} digits after the point", SCALE_EXCEEDED)
    return rounded


def read_boolean(text: str) -> bool:
    """Return `true` or `false`, in any case, as a truth value.

    Raises:
        Unfit: the text is neither.
    """
    if (word := text.lower()) not in ("true", "false"):
        raise Unfit(f"{shown(text)} is neither true nor false")
    return word == "true"


def read_exact(text: str) -> Decimal:
    """Return a text as a number with all its digits.

    Raises:
        Unfit: the text is not a finite number.
    """
    _check_number(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Unfit(f"{shown(text)} is beyond any number here", OUT_OF_RANGE) from None


def _check_number(text: str) -> None:
    if _NOT_FINITE.fullmatch(text):
        raise Unfit(f"{shown(text)} is not finite", OUT_OF_RANGE)
    if not _NUMBER.fullmatch(text):
        raise Unfit(f"{shown(text)} is not a number")
