"""SQL (DuckDB) that reads columns of texts as instants and dates, as `forms` does for the other types.

Instants are naive timestamps in UTC. Texts that a clock change makes doubtful, and years at the ends of the calendar, are
left to the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

from chartly.engine.forms import Form
from chartly.engine.literals import literal, text_literal
from chartly.engine.times import CLOCK_PATTERN, DATE_PATTERN, EPOCH_UNITS, OFFSET_PATTERN
from chartly.engine.zones import Period, periods

_SECONDS = "%Y-%m-%dT%H:%M:%SZ"
_FIRST, _LAST = "TIMESTAMP '0001-01-02 00:00:00'", "TIMESTAMP '9999-12-30 00:00:00'"


class TimestampForm(Form):
    """Instants in ISO 8601: `2013-01-31T10:00:00Z`, with offset, or local where there is a time zone."""

    def __init__(self, time_zone: str) -> None:
        """Make the form of a time zone; empty for none."""
        super().__init__()
        self._time_zone = time_zone

    def local(self, text: str) -> str | None:
        """The time of a text without offset."""
        is_local = f"regexp_full_match({text}, '{DATE_PATTERN}({CLOCK_PATTERN})?')"
        return f"CASE WHEN {is_local} THEN TRY_CAST({text} AS TIMESTAMP) END" if self._time_zone else None

    def cast(self, text: str, local: str) -> str:
        """The instant."""
        with_offset = f"regexp_full_match({text}, '{DATE_PATTERN}{CLOCK_PATTERN}{OFFSET_PATTERN}')"
        instant = f"timezone('UTC', TRY_CAST({text} AS TIMESTAMPTZ))"
        return (
            f"CASE WHEN {_is_plain(text)} THEN TRY_CAST({text} AS TIMESTAMP) WHEN {with_offset} THEN {instant} "
            f"ELSE {localized(local, self._time_zone)} END"
        )

    def written(self, value: str) -> str:
        """The instant in whole seconds."""
        return f"strftime({value}, '{_SECONDS}')"

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether it is within the calendar and, in its plainest form, what the text says."""
        is_same = f"CASE WHEN {_is_plain(text)} THEN {written} = {text} ELSE true END"
        return f"{value} BETWEEN {_FIRST} AND {_LAST} AND {is_same}"

    def json(self, text: str, value: str, written: str) -> str:
        """RFC 3339 in UTC with no, 3 or 6 digits after the second."""
        rest = f"epoch_us({value}) % 1000000"
        return (
            f"CASE WHEN {rest} = 0 THEN '\"' || {written} || '\"' "
            f"WHEN {rest} % 1000 = 0 THEN strftime({value}, '\"%Y-%m-%dT%H:%M:%S.%gZ\"') "
            f"ELSE strftime({value}, '\"%Y-%m-%dT%H:%M:%S.%fZ\"') END"
        )


class FormattedForm(TimestampForm):
    """Local instants written as a strftime format writes them."""

    def __init__(self, form: str, time_zone: str) -> None:
        """Make the form of a format; one with an offset (%z) is left to the reference."""
        super().__init__(time_zone)
        self._format = form

    def local(self, text: str) -> str | None:
        """The time of a text of the format."""
        return formatted(self._format, text)

    def cast(self, text: str, local: str) -> str:
        """The instant."""
        return localized(local, self._time_zone)

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether it is within the calendar."""
        return f"{value} BETWEEN {_FIRST} AND {_LAST}"


class EpochForm(TimestampForm):
    """Seconds or milliseconds since 1970, to the microsecond."""

    def __init__(self, unit: str, is_exact: str) -> None:
        """Make the form of `epoch_seconds` or `epoch_milliseconds`."""
        super().__init__("")
        self._unit, self._is_exact = unit, is_exact

    def cast(self, text: str, local: str) -> str:
        """The instant."""
        return epoch(self._unit, text, self._is_exact)

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether it is within the calendar."""
        return f"{value} BETWEEN {_FIRST} AND {_LAST}"


class DateForm(Form):
    """Dates: `2013-01-31`, of a format, or of seconds or milliseconds since 1970 in UTC."""

    def __init__(self, form: str, is_exact: str) -> None:
        """Make the form of a format; empty for ISO 8601."""
        super().__init__(is_exact)
        self._format = form

    def cast(self, text: str, local: str) -> str:
        """The date."""
        if self._format in EPOCH_UNITS:
            return f"({epoch(self._format, text, self._is_exact)})::DATE"
        return f"({formatted(self._format, text)})::DATE" if self._format else f"TRY_CAST({text} AS DATE)"

    def written(self, value: str) -> str:
        """The date in ISO 8601."""
        return f"{value}::VARCHAR"

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether it is within the calendar and, without a format, what the text says."""
        within = f"{value} BETWEEN {_FIRST}::DATE AND {_LAST}::DATE"
        return within if self._format else f"{within} AND {written} = {text}"

    def json(self, text: str, value: str, written: str) -> str:
        """The date in quotes."""
        return f"('\"' || {written} || '\"')"


def localized(local: str, time_zone: str) -> str:
    """Return SQL for the instant of a local time of the years 1970 to 2037 that exists once in a time zone."""
    if not time_zone:
        return "NULL::TIMESTAMP"
    known = periods(time_zone)
    within = f"{local} BETWEEN {literal(known[0].start)} AND {literal(known[-1].end)}"
    return f"CASE WHEN {within} THEN {local} - to_seconds({_offset(local, known)}) END"


def _offset(local: str, known: Sequence[Period]) -> str:
    """Return SQL for the offset in seconds of a local time, found by halves; NULL where clocks skip or repeat the time."""
    if len(known) > 1:
        middle = len(known) // 2
        earlier, later = _offset(local, known[:middle]), _offset(local, known[middle:])
        return f"CASE WHEN {local} < {literal(known[middle].start)} THEN {earlier} ELSE {later} END"
    return "NULL" if known[0].offset is None else str(int(known[0].offset.total_seconds()))


def formatted(form: str, text: str) -> str:
    """Return SQL for the time of a text that is written as a strftime format would write it, or without its leading zeros."""
    if "%z" in form:
        return "NULL::TIMESTAMP"
    time = f"try_strptime({text}, {text_literal(form)})"
    again = f"strftime({time}, {text_literal(form)})"
    exact = f"CASE WHEN {again} = {text} THEN {time}"
    if "%y" in form:  # DuckDB reads `5` as the year 2005, others do not
        return f"{exact} END"
    return f"{exact} WHEN year({time}) > 999 AND {_without_zeros(again)} = {_without_zeros(text)} THEN {time} END"


def _without_zeros(text: str) -> str:
    return f"regexp_replace({text}, '(^|[^0-9])0([0-9])', '\\1\\2', 'g')"


def epoch(unit: str, text: str, is_exact: str) -> str:
    """Return SQL for the instant of a plain number of seconds or milliseconds."""
    digits, factor = (6, 1_000_000) if unit == "epoch_seconds" else (3, 1_000)
    plain = f"regexp_full_match({text}, '-?[0-9]{{1,{17 - digits}}}(\\.[0-9]{{1,{digits}}})?')"
    exact = f"(NOT contains({text}, '.') OR {is_exact})"
    micros = f"(TRY_CAST({text} AS DECIMAL(38, {digits})) * {factor})::BIGINT"
    return f"CASE WHEN {plain} AND {exact} THEN make_timestamp({micros}) END"


def _is_plain(text: str) -> str:
    return f"strlen({text}) = 20 AND {text}[11] = 'T' AND {text}[20] = 'Z'"
