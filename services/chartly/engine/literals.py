"""Values of a profile as SQL (DuckDB)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from chartly.engine.values import DECIMAL_DIGITS, Constant


def literal(value: Constant) -> str:
    """Return a value as SQL; instants are in UTC."""
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
