"""Checking data against a contract: documents with the place of each error, and streams of records as fast as they come.

Records are parsed and checked by the chunk; only those that do not fit are read again for their places. Memory holds one
chunk of some megabytes, whatever the length of the stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, BinaryIO, NamedTuple

import jsonschema_rs
from chartly.contracts.schemas.document import MAX_DEPTH, SchemaDocument, path_of, place_of
from chartly.contracts.schemas.tree import Steps
from chartly.engine.document import Node, Syntax, plain, read_document
from chartly.engine.errors import InvalidDocument, Problem

MAX_LINE_BYTES = 8 << 20
MAX_DOCUMENT_BYTES = 64 << 20
CHUNK_RECORDS = 2000
CHUNK_BYTES = 4 << 20
_MAX_SHOWN = 200


class Fault(NamedTuple):
    """What is wrong with a value: where, by which rule, and in words."""

    steps: Steps
    rule: str
    message: str


class Checker:
    """Checks values by a JSON Schema; formats count, patterns take linear time.

    Args:
        document: the schema.
        also: says what else is wrong with a value that the schema takes.
    """

    def __init__(self, document: SchemaDocument, also: Callable[[Any], Sequence[Fault]] | None = None) -> None:
        self._document = document
        self._one = document.validator()
        self._also = also

    def document_problems(self, data: bytes, syntax: Syntax = "json") -> list[Problem]:
        """Return all that is wrong with a document, with places: that it cannot be read, or what does not fit."""
        try:
            node = read_document(data, syntax, max_size_bytes=MAX_DOCUMENT_BYTES, max_depth=MAX_DEPTH)
        except InvalidDocument as error:
            return list(error.problems)
        return self._problems(plain(node), node)

    def misfits(self, records: Sequence[Any]) -> list[int]:
        """Return the indices of the records, as Python's JSON values, that do not fit."""
        if self._also is None and self._many.is_valid(records):
            return []
        return [index for index, record in enumerate(records) if not self._fits(record)]

    def line_problems(self, lines: BinaryIO) -> Iterator[tuple[int, list[Problem]]]:
        """Yield how many records each chunk of a stream of NDJSON has, and all that is wrong with them; blank lines are none.

        Lines count from 1; a line of more than 8 MiB ends the stream with a problem.
        """
        for chunk in _chunks(lines):
            whole = [(number, line) for number, line in chunk if line.strip()]
            yield len(whole), self._chunk_problems(whole)

    def _chunk_problems(self, chunk: list[tuple[int, bytes]]) -> list[Problem]:
        records: list[Any] = []
        unread: set[int] = set()
        for index, (_, line) in enumerate(chunk):
            try:
                records.append(_decode(line.decode()) if _HALVES.search(line) is None else _refuse("half a character"))
            except (ValueError, RecursionError):
                records.append(None)
                unread.add(index)
        suspects = unread | set(self._suspects(records))
        return [problem for index in sorted(suspects) for problem in self._line_problems(*chunk[index])]

    def _suspects(self, records: list[Any]) -> Sequence[int]:
        try:
            return self.misfits(records)
        except ValueError:  # what JSON cannot hold, as half of a surrogate pair
            return range(len(records))

    def _line_problems(self, number: int, line: bytes) -> list[Problem]:
        if len(line) > MAX_LINE_BYTES:
            return [Problem(number, 1, "", "LINE_TOO_LONG", f"the line has more than {MAX_LINE_BYTES} bytes")]
        return [replace(problem, line=number) for problem in self.document_problems(line.rstrip(b"\r\n"))]

    def _fits(self, value: Any) -> bool:
        return self._one.is_valid(value) and not (self._also and self._also(value))

    def _problems(self, value: Any, node: Node) -> list[Problem]:
        faults = [_fault(error) for error in self._one.iter_errors(value)]
        if not faults and self._also:
            faults = list(self._also(value))
        return sorted({_problem(fault, node) for fault in faults})

    @cached_property
    def _many(self) -> jsonschema_rs.Validator:
        return self._document.validator_of_lists()


def _chunks(lines: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    """Yield numbered lines, a bounded number of bytes at once; a line that is too long is the last."""
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE_BYTES + 1), b""), start=1):
        chunk.append((number, line))
        size += len(line)
        if len(chunk) == CHUNK_RECORDS or size > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        if len(line) > MAX_LINE_BYTES:
            break
    if chunk:
        yield chunk


def _fault(error: jsonschema_rs.ValidationError) -> Fault:
    steps = tuple(error.instance_path)
    kind: Any = error.kind
    if kind.name == "additionalProperties" and len(kind.unexpected) == 1:
        steps = (*steps, *kind.unexpected)
    return Fault(steps, kind.name, error.message)


def _problem(fault: Fault, node: Node) -> Problem:
    place = place_of(node, fault.steps)
    message = fault.message if len(fault.message) <= _MAX_SHOWN else f"…{fault.message[-_MAX_SHOWN:]}"
    return Problem(place.line, place.column, path_of(fault.steps), fault.rule, message)


class _Repeated(ValueError):
    """An object has a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise _Repeated
    return found


def _refuse(word: str) -> Any:
    raise ValueError(word)


#: Half of a surrogate pair, perhaps; whoever looks at places knows.
_HALVES = re.compile(rb"\\u[dD]")
_decode = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse).decode
