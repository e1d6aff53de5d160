"""Reading JSON (RFC 8259) with the place of every key and value.

YAML's reader does not do: it refuses tabs between tokens and surrogate pairs in escapes, both common in JSON.
"""

from __future__ import annotations

import json
import re

from chartly.engine.document import (
    Entry,
    Listing,
    Mapping,
    Node,
    Place,
    Scalar,
    insert,
    read_number,
    refuse,
    too_deep,
)
from chartly.engine.errors import InvalidDocument, Problem

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_WORDS = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"[A-Za-z]+")
_MAX_INT_DIGITS = 400


def compose_json(text: str, problems: list[Problem], max_depth: int) -> Node:
    """Return the tree of a JSON text; duplicate keys and numbers beyond a double are added to the problems.

    Raises:
        InvalidDocument: the text is not JSON, or too deep.
    """
    return _Composer(text, problems, max_depth).compose()


class _Composer:
    def __init__(self, text: str, problems: list[Problem], max_depth: int) -> None:
        self._text = text
        self._problems = problems
        self._max_depth = max_depth
        self._at = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._line = 0

    def compose(self) -> Node:
        self._skip_space()
        root = self._node(1)
        if self._at < len(self._text):
            raise self._error("nothing may follow the value")
        return root

    def _node(self, depth: int) -> Node:
        place = self._place()
        if depth > self._max_depth:
            raise too_deep(place, self._max_depth)
        match self._text[self._at : self._at + 1]:
            case "{":
                return self._mapping(place, depth)
            case "[":
                return self._listing(place, depth)
            case '"':
                value = self._string()
                return Scalar(place, value, value)
            case _:
                return self._literal(place)

    def _mapping(self, place: Place, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        self._take("{")
        while not self._closes("}", first=not entries):
            key_place, key = self._place(), self._string()
            self._take(":")
            insert(entries, key, Entry(key_place, self._node(depth + 1)), self._problems)
        return Mapping(place, entries)

    def _listing(self, place: Place, depth: int) -> Listing:
        items: list[Node] = []
        self._take("[")
        while not self._closes("]", first=not items):
            items.append(self._node(depth + 1))
        return Listing(place, tuple(items))

    def _closes(self, bracket: str, *, first: bool) -> bool:
        if self._text.startswith(bracket, self._at):
            self._take(bracket)
            return True
        if not first:
            self._take(",")
        return False

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise self._error("expected a text in double quotes")
        value: str = json.loads(match[0])
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise self._error("half of a surrogate pair is no character")
        self._at = match.end()
        self._skip_space()
        return value

    def _literal(self, place: Place) -> Scalar:
        if match := _NUMBER.match(self._text, self._at):
            value = self._number(match, place)
        elif (match := _WORD.match(self._text, self._at)) and match[0] in _WORDS:
            value = _WORDS[match[0]]
        else:
            raise self._error("expected a JSON value")
        self._at = match.end()
        self._skip_space()
        return Scalar(place, value, match[0])

    def _number(self, match: re.Match[str], place: Place) -> int | float | bool | None:
        if match[2] is None and match[3] is None and len(match[0]) <= _MAX_INT_DIGITS:
            return int(match[0])
        return read_number(match[0], place, self._problems)

    def _take(self, token: str) -> None:
        if not self._text.startswith(token, self._at):
            raise self._error(f'expected "{token}"')
        self._at += len(token)
        self._skip_space()

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _place(self) -> Place:
        while self._line + 1 < len(self._line_starts) and self._line_starts[self._line + 1] <= self._at:
            self._line += 1
        return Place(self._line + 1, self._at - self._line_starts[self._line] + 1)

    def _error(self, message: str) -> InvalidDocument:
        found = self._text[self._at : self._at + 1]
        return refuse(
            self._place(), "SYNTAX_ERROR", f"not JSON: {message}, found {found!r}" if found else f"not JSON: {message}"
        )
