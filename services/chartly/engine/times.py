"""How a text becomes an instant or a date, one by one.

An instant is kept in microseconds and UTC; finer digits are cut off. A text without offset needs the field's time zone,
and is refused where a clock change skips or repeats it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, localcontext

from chartly.api.run.v1.run_pb2 import RecordErrorReason
from chartly.engine.values import Unfit, read_exact, shown
from chartly.engine.zones import zone

DATE_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK_PATTERN = r"[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
OFFSET_PATTERN = r"(Z|[-+]([01][0-9]|2[0-3]):?[0-5][0-9])"
EPOCH_UNITS = {"epoch_seconds": Decimal(1_000_000), "epoch_milliseconds": Decimal(1_000)}

_ISO = re.compile(f"({DATE_PATTERN})(?:({CLOCK_PATTERN})({OFFSET_PATTERN})?)?", re.ASCII)
_DATE = re.compile(DATE_PATTERN, re.ASCII)
_MAX_EPOCH_DIGITS = 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INVALID_TIME = RecordErrorReason.RECORD_ERROR_REASON_INVALID_TIME


def read_timestamp(text: str, form: str, time_zone: str) -> datetime:
    """Return a text as an instant in UTC.

    Args:
        form: strftime format, `epoch_seconds`, `epoch_milliseconds`, or empty for ISO 8601.
        time_zone: IANA name for texts without offset; empty refuses them.

    Raises:
        Unfit: the text is no instant of that form, or its local time does not exist or exists twice.
    """
    if form in EPOCH_UNITS:
        return _epoch(text, form)
    parsed = _formatted(text, form) if form else _iso(text)
    if parsed.tzinfo is None:
        parsed = _localize(parsed, text, time_zone)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise _unfit(text, "is outside the years 1 to 9999") from None


def read_date(text: str, form: str) -> date:
    """Return a text as a date; of an instant (epoch forms), the date in UTC.

    Raises:
        Unfit: the text is no date of that form.
    """
    if form in EPOCH_UNITS:
        return _epoch(text, form).date()
    if form:
        return _formatted(text, form).date()
    if not _DATE.fullmatch(text):
        raise _unfit(text, "is not a date as in 2013-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _unfit(text, "is not in the calendar") from None


def _iso(text: str) -> datetime:
    if not (match := _ISO.fullmatch(text)):
        raise _unfit(text, "is not a time in ISO 8601, as in 2013-01-31T10:00:00Z")
    clock, _, fraction = (match[2] or "").partition(".")
    offset = (match[6] or "").replace("Z", "+00:00")
    try:
        parsed = datetime.fromisoformat(match[1] + clock + offset)
    except ValueError:
        raise _unfit(text, "is not in the calendar") from None
    return parsed.replace(microsecond=int(fraction[:6].ljust(6, "0")))


def _formatted(text: str, form: str) -> datetime:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 (the caller adds the time zone)
    except ValueError:
        raise _unfit(text, f"does not have the format {form}") from None


def _epoch(text: str, form: str) -> datetime:
    number = read_exact(text)
    if number.adjusted() > _MAX_EPOCH_DIGITS:
        raise _unfit(text, "is outside the years 1 to 9999")
    with localcontext(prec=2 * _MAX_EPOCH_DIGITS + len(text)):
        micros = int((number * EPOCH_UNITS[form]).to_integral_value(ROUND_FLOOR))
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise _unfit(text, "is outside the years 1 to 9999") from None


def _localize(local: datetime, text: str, time_zone: str) -> datetime:
    if not time_zone:
        raise _unfit(text, "has no offset, and the field no time_zone")
    info = zone(time_zone)
    first, second = (local.replace(tzinfo=info, fold=fold) for fold in (0, 1))
    try:
        if first.utcoffset() == second.utcoffset():
            return first
        skipped = first.astimezone(UTC).astimezone(info).replace(tzinfo=None) != local
    except OverflowError:
        raise _unfit(text, "is outside the years 1 to 9999") from None
    raise _unfit(text, f"{'does not exist' if skipped else 'exists twice'} in {time_zone}: clocks changed there")


def _unfit(text: str, what: str) -> Unfit:
    return Unfit(f"{shown(text)} {what}", INVALID_TIME)
