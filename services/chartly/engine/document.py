"""Reading YAML 1.2 and JSON strictly, with the place of every key and value.

A document is one tree, by default of at most 1 MiB and 32 levels. Plain scalars follow the YAML 1.2 core schema: null, bool, int
and float only, so a bare date and `NO` stay text. Anchors, aliases, tags, merge keys, duplicate keys and keys that are
not scalars are refused, and so is what JSON cannot hold: NaN, infinities and numbers beyond a double.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from chartly.engine.errors import InvalidDocument, Problem

MAX_SIZE_BYTES = 1 << 20
MAX_DEPTH = 32

Syntax = Literal["yaml", "json"]
ScalarValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column in the document, both from 1; columns count characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, truth value or null, with the text it was written as."""

    place: Place
    value: ScalarValue
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of values."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys, by their text and in the order of the document, with their places and values."""

    place: Place
    entries: dict[str, Entry]


@dataclass(frozen=True, slots=True)
class Entry:
    """The place of a key, and its value."""

    place: Place
    node: Node


Node = Scalar | Listing | Mapping


def read_document(
    data: bytes, syntax: Syntax = "yaml", *, max_size_bytes: int = MAX_SIZE_BYTES, max_depth: int = MAX_DEPTH
) -> Node:
    """Return the tree of a document.

    Args:
        data: UTF-8.
        syntax: what it is written in.
        max_size_bytes, max_depth: what is read at most.

    Raises:
        InvalidDocument: with reason DOCUMENT_TOO_LARGE, INVALID_UTF8, SYNTAX_ERROR, DOCUMENT_TOO_DEEP, ALIAS_REFUSED,
            TAG_REFUSED, DUPLICATE_KEY, KEY_REFUSED or NUMBER_REFUSED; every duplicate key and number is named.
    """
    text = _decode(data, max_size_bytes)
    problems: list[Problem] = []
    if syntax == "json":
        from chartly.engine.json_document import compose_json

        root = compose_json(text, problems, max_depth)
    else:
        root = _YamlComposer(text, problems, max_depth).compose()
    if problems:
        raise InvalidDocument(problems)
    return root


def refuse(place: Place, reason: str, message: str) -> InvalidDocument:
    """Return the error of a document that cannot be read on from here."""
    return InvalidDocument([Problem(place.line, place.column, "", reason, message)])


def plain(node: Node) -> Any:
    """Return a tree as the values of JSON, without its places."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


def too_deep(place: Place, max_depth: int) -> InvalidDocument:
    """Return the error of a document with too many levels."""
    return refuse(place, "DOCUMENT_TOO_DEEP", f"more than {max_depth} levels of nesting")


def insert(entries: dict[str, Entry], key: str, entry: Entry, problems: list[Problem]) -> None:
    """Add an entry to a mapping; a key that is there already is a problem, and its first value stays."""
    if (first := entries.get(key)) is None:
        entries[key] = entry
        return
    message = f'duplicate key "{key}", first at line {first.place.line}'
    problems.append(Problem(entry.place.line, entry.place.column, key, "DUPLICATE_KEY", message))


def read_number(text: str, place: Place, problems: list[Problem]) -> float:
    """Return a number as a double; one beyond it, or not finite, is a problem."""
    value = float(text)
    if not math.isfinite(value):
        problems.append(
            Problem(place.line, place.column, "", "NUMBER_REFUSED", f"{text} is not a number that JSON can hold")
        )
        return 0.0
    return value


def _decode(data: bytes, max_size_bytes: int) -> str:
    if len(data) > max_size_bytes:
        message = f"the document has {len(data)} bytes; at most {max_size_bytes} are read"
        raise refuse(Place(1, 1), "DOCUMENT_TOO_LARGE", message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise refuse(place, "INVALID_UTF8", f"byte 0x{data[error.start]:02x} is not UTF-8") from None


_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAX_INT_DIGITS = 400


class _YamlComposer:
    def __init__(self, text: str, problems: list[Problem], max_depth: int) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._problems = problems
        self._max_depth = max_depth

    def compose(self) -> Node:
        try:
            return self._document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = _place(mark)
            raise refuse(place, "SYNTAX_ERROR", f"not YAML: {error.problem or error.context}") from None
        except yaml.reader.ReaderError as error:
            raise refuse(Place(1, 1), "SYNTAX_ERROR", f"not YAML: {error.reason} at byte {error.position}") from None

    def _document(self) -> Node:
        next(self._events)  # the start of the stream
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            raise refuse(Place(1, 1), "SYNTAX_ERROR", "the document is empty")
        root = self._node(next(self._events), 1)
        next(self._events)  # the end of the document
        if isinstance(event := next(self._events), yaml.DocumentStartEvent):
            raise refuse(_place(event.start_mark), "SYNTAX_ERROR", "a second document starts here; write one")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise refuse(place, "ALIAS_REFUSED", "anchors and aliases are refused; write the value out")
        if tag := getattr(event, "tag", None):
            raise refuse(place, "TAG_REFUSED", f"tags are refused: {tag}")
        if depth > self._max_depth:
            raise too_deep(place, self._max_depth)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return Listing(place, tuple(self._items(depth)))
        return self._mapping(place, depth)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, place: Place, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, depth)
            value = self._node(next(self._events), depth + 1)
            insert(entries, key, Entry(_place(event.start_mark), value), self._problems)
        return Mapping(place, entries)

    def _key(self, event: yaml.Event, depth: int) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
            raise refuse(_place(event.start_mark), "ALIAS_REFUSED", "merge keys are refused; write the values out")
        key = self._node(event, depth + 1)
        if not isinstance(key, Scalar):
            raise refuse(key.place, "KEY_REFUSED", "a key is a text, not a list or a mapping")
        return key.text

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        text: str = event.value
        if not event.implicit[0]:
            return Scalar(place, text, text)
        return Scalar(place, self._plain(text, place), text)

    def _plain(self, text: str, place: Place) -> ScalarValue:
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _BASED.fullmatch(text):
            return int(text, 0)
        if _INT.fullmatch(text) and len(text) <= _MAX_INT_DIGITS:
            return int(text)
        if _FLOAT.fullmatch(text):
            return read_number(text, place, self._problems)
        if _NOT_FINITE.fullmatch(text):
            return read_number(text.replace(".", ""), place, self._problems)
        return text


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
