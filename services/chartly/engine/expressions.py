"""SQL (DuckDB) that reads a column of texts as a type, where the texts have a plain form; NULL where they do not.

Each type has the text's value and the value's RFC 8785 text. Whatever is read here, `reading` reads alike; what comes out
as NULL, it decides. Casts of DuckDB take more than they should (`1.5` is the integer 2, `1_000` a number, `24:00` an hour),
so each is guarded by a pattern, or by writing the value again and comparing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from chartly.engine.plan import Column
from chartly.engine.times import CLOCK_PATTERN, DATE_PATTERN, EPOCH_UNITS, OFFSET_PATTERN
from chartly.engine.values import DECIMAL_DIGITS, MAX_EXACT_INTEGER, NUMBER_PATTERN, Constant

_SECONDS = "'%Y-%m-%dT%H:%M:%SZ'"
_FIRST, _LAST = "TIMESTAMP '0001-01-02 00:00:00'", "TIMESTAMP '9999-12-30 00:00:00'"
# A JSON number with more than 15 digits, or near zero, may have been rounded on the way here, and nothing shows it.
LONG_NUMBER = r"[0-9.][-+0-9.eE]{16}|[0-9.][eE]-[0-9]{3}"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a column, and the JSON text that it was taken from where its numbers were read as doubles."""

    text: str
    json: str | None = None

    @property
    def is_exact(self) -> str:
        """SQL: whether a number that is no plain integer stands here with all its digits."""
        return "true" if self.json is None else f"NOT regexp_matches({self.json}, '{LONG_NUMBER}')"


def typed(column: Column, source: Source) -> str:
    """Return SQL for the value of a text, NULL where the text has no plain form of the type."""
    match column.type:
        case "integer":
            return _integer(source)
        case "number":
            return _number(source.text)
        case "decimal":
            return _decimal(source, column.scale)
        case "boolean":
            return f"CASE lower({source.text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "timestamp":
            return _timestamp(column, source)
        case "date":
            return _date(column, source)
    return source.text


def canonical(column: Column, value: str, text: str) -> str:
    """Return SQL for the RFC 8785 text of a value that is not NULL; `text` is what it was read from."""
    match column.type:
        case "integer":
            return _canonical_integer(value)
        case "number":
            return _canonical_number(value, text)
        case "decimal":
            return _canonical_decimal(value, column.scale)
        case "boolean":
            return f"{value}::VARCHAR"
        case "timestamp":
            return _canonical_time(value)
        case "date":
            return f"strftime({value}, '\"%Y-%m-%d\"')"
    return f"to_json({value})::VARCHAR"


def literal(value: Constant) -> str:
    """Return a value as SQL."""
    if isinstance(value, str):
        return text_literal(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.replace(tzinfo=None).isoformat(' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, float):
        return f"'{value!r}'::DOUBLE"
    return f"'{value:f}'::DECIMAL({DECIMAL_DIGITS}, {_scale(value)})" if isinstance(value, Decimal) else str(value)


def text_literal(text: str) -> str:
    """Return a text as SQL, whatever characters it has."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    escaped = "".join(f"\\x{byte:02x}" for byte in text.encode())
    return f"decode('{escaped}'::BLOB)"


def _scale(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)


def _integer(source: Source) -> str:
    text, number = source.text, f"TRY_CAST({source.text} AS BIGINT)"
    return (
        f"CASE WHEN {number}::VARCHAR = {text} THEN {number} "
        f"WHEN regexp_full_match({text}, '-?(0|[1-9][0-9]{{0,14}})\\.0+') AND {source.is_exact} THEN {number} END"
    )


def _canonical_integer(value: str) -> str:
    text, exact = f"{value}::VARCHAR", f"{value} BETWEEN -{MAX_EXACT_INTEGER} AND {MAX_EXACT_INTEGER}"
    return f"CASE WHEN {exact} THEN {text} ELSE concat('\"', {text}, '\"') END"


def _is_plain_integer(text: str) -> str:
    return f"TRY_CAST({text} AS BIGINT)::VARCHAR = {text} AND strlen({text}) <= 15"


def _number(text: str) -> str:
    number = f"TRY_CAST({text} AS DOUBLE)"
    is_number = f"regexp_full_match({text}, '{NUMBER_PATTERN}')"
    return (
        f"CASE WHEN {_is_plain_integer(text)} THEN {number} "
        f"WHEN {is_number} AND isfinite({number}) THEN CASE WHEN {number} = 0 THEN 0 ELSE {number} END END"
    )


def _canonical_number(value: str, text: str) -> str:
    """ECMAScript's text: DuckDB's JSON has the same digits, but writes `1.0`, `-0.0` and `1e21`."""
    json = f"to_json({value})::VARCHAR"
    return (
        f"CASE WHEN {_is_plain_integer(text)} THEN {text} WHEN {value} = 0 THEN '0' "
        f"WHEN ends_with({json}, '.0') THEN left({json}, -2) "
        f"WHEN contains({json}, 'e') AND NOT contains({json}, 'e-') THEN replace({json}, 'e', 'e+') ELSE {json} END"
    )


def _decimal(source: Source, scale: int) -> str:
    whole = DECIMAL_DIGITS - scale
    digits = f"[0-9]{{1,{whole}}}" if whole else "0"
    fraction = f"[0-9]{{1,{scale}}}0{{0,20}}" if scale else "0{1,20}"
    plain = f"regexp_full_match({source.text}, '-?{digits}(\\.{fraction})?')"
    exact = f"(NOT contains({source.text}, '.') OR {source.is_exact})"
    return f"CASE WHEN {plain} AND {exact} THEN TRY_CAST({source.text} AS DECIMAL({DECIMAL_DIGITS}, {scale})) END"


def _canonical_decimal(value: str, scale: int) -> str:
    if scale < DECIMAL_DIGITS:
        return f"concat('\"', {value}, '\"')"
    return f"regexp_replace({value}::VARCHAR, '(-?)(.*)', '\"\\10\\2\"')"  # DuckDB writes `.50` where no digit can stand before


def _timestamp(column: Column, source: Source) -> str:
    text = source.text
    if column.format in EPOCH_UNITS:
        return _within_years(_epoch(column.format, source))
    if column.format:
        return _localized(_formatted(column.format, text), column.time_zone)
    instant = f"TRY_CAST({text} AS TIMESTAMP)"
    plain = f"CASE WHEN strlen({text}) = 20 AND strftime({instant}, {_SECONDS}) = {text} THEN {_within_years(instant)}"
    with_offset = (
        f"WHEN regexp_full_match({text}, '{DATE_PATTERN}{CLOCK_PATTERN}{OFFSET_PATTERN}') THEN {_offset(text)}"
    )
    local = f"CASE WHEN regexp_full_match({text}, '{DATE_PATTERN}({CLOCK_PATTERN})?') THEN {instant} END"
    return f"{plain} {with_offset} ELSE {_localized(local, column.time_zone)} END"


def _offset(text: str) -> str:
    return _within_years(f"timezone('UTC', TRY_CAST({text} AS TIMESTAMPTZ))")


def _within_years(instant: str) -> str:
    return f"CASE WHEN {instant} BETWEEN {_FIRST} AND {_LAST} THEN {instant} END"


def _formatted(form: str, text: str) -> str:
    """The time of a text that is written exactly as the format would write it."""
    form_literal = text_literal(form)
    time = f"try_strptime({text}, {form_literal})"
    return "NULL::TIMESTAMP" if "%z" in form else f"CASE WHEN strftime({time}, {form_literal}) = {text} THEN {time} END"


def _localized(local: str, time_zone: str) -> str:
    """The instant of a local time, where the zone's offset is the same a day before and a day after."""
    if not time_zone:
        return "NULL::TIMESTAMP"
    zone = text_literal(time_zone)
    instant = f"timezone('UTC', timezone({zone}, {local}))"
    before, after = (f"timezone('UTC', timezone({zone}, {local} {sign} INTERVAL 1 DAY))" for sign in "-+")
    return f"CASE WHEN {local} BETWEEN {_FIRST} AND {_LAST} AND {after} - {before} = INTERVAL 2 DAY THEN {instant} END"


def _epoch(form: str, source: Source) -> str:
    digits, unit = (6, 1_000_000) if form == "epoch_seconds" else (3, 1_000)
    plain = f"regexp_full_match({source.text}, '-?[0-9]{{1,{18 - digits - 1}}}(\\.[0-9]{{1,{digits}}})?')"
    exact = f"(NOT contains({source.text}, '.') OR {source.is_exact})"
    micros = f"(TRY_CAST({source.text} AS DECIMAL(38, {digits})) * {unit})::BIGINT"
    return f"CASE WHEN {plain} AND {exact} THEN make_timestamp({micros}) END"


def _date(column: Column, source: Source) -> str:
    text = source.text
    if column.format in EPOCH_UNITS:
        return f"({_within_years(_epoch(column.format, source))})::DATE"
    if column.format:
        return f"({_formatted(column.format, text)})::DATE"
    day = f"TRY_CAST({text} AS DATE)"
    return f"CASE WHEN strlen({text}) = 10 AND {day}::VARCHAR = {text} THEN {day} END"


def _canonical_time(value: str) -> str:
    rest = f"epoch_us({value}) % 1000000"
    return (
        f"CASE WHEN {rest} = 0 THEN strftime({value}, '\"%Y-%m-%dT%H:%M:%SZ\"') "
        f"WHEN {rest} % 1000 = 0 THEN strftime({value}, '\"%Y-%m-%dT%H:%M:%S.%gZ\"') "
        f"ELSE strftime({value}, '\"%Y-%m-%dT%H:%M:%S.%fZ\"') END"
    )
