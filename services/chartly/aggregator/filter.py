"""Filters on the fields of records (AIP-160), as parametrised SQL.

The grammar is AIP-160's for comparisons: OR binds tighter than AND, and `-` stands for NOT.

    filter     = factor, { "AND", factor }
    factor     = term, { "OR", term }
    term       = [ "NOT" | "-" ], ( comparison | "(", filter, ")" )
    comparison = field, ( "=" | "!=" | "<" | "<=" | ">" | ">=" ), value
    value      = "quoted text" | bare-word | number | true | false | null

A comparison with a field that has no value is false, so its NOT is true.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from chartly.aggregator.errors import InvalidFilter

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<operator>!=|<=|>=|=|<|>)|(?P<mark>[()-](?![\d.]))|(?P<word>[^\s()=!<>"']+))"""
)
_MOST_TOKENS = 1000
# What a column of the type can be compared with.
_MOST_BITS = 127
_MOST_DIGITS = 37
_SQL_OPERATOR = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Condition(NamedTuple):
    """A WHERE condition with its parameters, in order."""

    sql: str
    parameters: list[Any]


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


def compile_filter(text: str, types: Mapping[str, str]) -> Condition:
    """Return the condition that `text` states; an empty text is always true.

    Args:
        text: the filter.
        types: type of each field that it may name, in a profile's words.

    Raises:
        InvalidFilter: the text cannot be read, names no field of `types`, or compares one with a value of another type.
    """
    if not text.strip():
        return Condition("true", [])
    return _Parser(text, types).parse()


class _Parser:
    def __init__(self, text: str, types: Mapping[str, str]) -> None:
        self._text = text
        self._types = types
        self._tokens = self._tokenize()
        self._next = 0
        self._parameters: list[Any] = []

    def parse(self) -> Condition:
        sql = self._filter(0)
        if self._next < len(self._tokens):
            raise self._error(f"unexpected {self._tokens[self._next].text!r}")
        return Condition(sql, self._parameters)

    def _tokenize(self) -> list[_Token]:
        tokens, position = [], 0
        end = len(self._text.rstrip())
        while position < end:
            match = _TOKEN.match(self._text, position)
            if match is None or match.lastgroup is None:
                raise InvalidFilter(self._text, f"cannot read column {position + 1}")
            tokens.append(_Token(match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup) + 1))
            position = match.end()
        if len(tokens) > _MOST_TOKENS:
            raise InvalidFilter(self._text[:100], f"it has more than {_MOST_TOKENS} words")
        return tokens

    def _filter(self, depth: int) -> str:
        return self._joined("AND", lambda: self._joined("OR", lambda: self._term(depth)))

    def _joined(self, word: str, part: Callable[[], str]) -> str:
        parts = [part()]
        while self._accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else "(" + f" {word} ".join(parts) + ")"

    def _term(self, depth: int) -> str:
        if depth > 50:
            raise self._error("it is nested deeper than 50 levels")
        if self._accept("NOT") or self._accept("-"):
            return f"({self._term(depth + 1)} IS NOT TRUE)"
        if self._accept("("):
            inner = self._filter(depth + 1)
            if not self._accept(")"):
                raise self._error("a parenthesis is not closed")
            return inner
        return self._comparison()

    def _comparison(self) -> str:
        field = self._take("word", "a field")
        if field not in self._types:
            raise self._error(f"there is no field {field!r}; there are {', '.join(self._types)}")
        operator = self._take("operator", f"a comparison after {field!r}")
        if self._next >= len(self._tokens) or self._tokens[self._next].kind not in ("word", "quoted"):
            raise self._error(f"a value is missing after {operator!r}")
        value = self._tokens[self._next]
        self._next += 1
        column = '"' + field.replace('"', '""') + '"'
        if value.kind == "word" and value.text == "null":
            if operator not in ("=", "!="):
                raise self._error("null can only be compared with = and !=")
            return f"({column} IS {'NOT ' if operator == '!=' else ''}NULL)"
        self._parameters.append(self._value(field, value))
        return f"({column} {_SQL_OPERATOR[operator]} ?)"

    def _value(self, field: str, token: _Token) -> Any:
        kind = self._types[field]
        text = re.sub(r"\\(.)", r"\1", token.text[1:-1]) if token.kind == "quoted" else token.text
        try:
            return _READERS[kind](text)
        except (ValueError, OverflowError, InvalidOperation):
            raise self._error(f"{text!r} is no {kind}, which {field!r} is") from None

    def _accept(self, text: str) -> bool:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.kind in ("word", "mark") and token.text == text:
                self._next += 1
                return True
        return False

    def _take(self, kind: str, what: str) -> str:
        if self._next >= len(self._tokens) or self._tokens[self._next].kind != kind:
            raise self._error(f"{what} is missing")
        self._next += 1
        return self._tokens[self._next - 1].text

    def _error(self, problem: str) -> InvalidFilter:
        where = f" at column {self._tokens[self._next].column}" if self._next < len(self._tokens) else ""
        return InvalidFilter(self._text, problem + where)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _integer(text: str) -> int:
    value = int(text)
    if value.bit_length() > _MOST_BITS:
        raise OverflowError(text)
    return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise OverflowError(text)
    return value


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        raise OverflowError(text)
    return value


def _timestamp(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant.astimezone(UTC)


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "date": date.fromisoformat,
}
