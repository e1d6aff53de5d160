"""Checking data against a contract: documents with the place of each error, and streams of records as fast as they come.

Records are parsed and checked by the chunk; only those that do not fit are read again for their places. Memory holds one
chunk, whatever the length of the stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, BinaryIO

import jsonschema_rs
from chartly.contracts.schema_document import MAX_DEPTH, SchemaDocument, path_of, place_of, schema_of
from chartly.engine.document import Node, Syntax, plain, read_document
from chartly.engine.errors import InvalidDocument, Problem

MAX_LINE_BYTES = 8 << 20
MAX_DOCUMENT_BYTES = 64 << 20
CHUNK_RECORDS = 2000
_MAX_SHOWN = 200


class Checker:
    """Checks values by a JSON Schema; formats count, patterns take linear time."""

    def __init__(self, document: SchemaDocument) -> None:
        self._document = document
        self._one = document.validator()

    def document_problems(self, data: bytes, syntax: Syntax = "json") -> list[Problem]:
        """Return all that is wrong with a document, with places: that it cannot be read, or what does not fit."""
        try:
            node = read_document(data, syntax, max_size_bytes=MAX_DOCUMENT_BYTES, max_depth=MAX_DEPTH)
        except InvalidDocument as error:
            return list(error.problems)
        return self._problems(plain(node), node)

    def misfits(self, records: Sequence[Any]) -> list[int]:
        """Return the indices of the records, as Python's JSON values, that do not fit."""
        if self._many.is_valid(records):
            return []
        return [index for index, record in enumerate(records) if not self._one.is_valid(record)]

    def line_problems(self, lines: BinaryIO) -> Iterator[tuple[int, list[Problem]]]:
        """Yield how many records each chunk of a stream of NDJSON has, and all that is wrong with them; blank lines are none.

        Lines count from 1; a line of more than 8 MiB ends the stream with a problem.
        """
        numbered = enumerate(iter(lambda: lines.readline(MAX_LINE_BYTES + 1), b""), start=1)
        while chunk := list(islice(numbered, CHUNK_RECORDS)):
            whole = [(number, line) for number, line in chunk if line.strip()]
            yield len(whole), self._chunk_problems(whole)
            if any(len(line) > MAX_LINE_BYTES for _, line in chunk):
                return

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

    def _problems(self, value: Any, node: Node) -> list[Problem]:
        return sorted({_problem(error, node) for error in self._one.iter_errors(value)})

    @cached_property
    def _many(self) -> jsonschema_rs.Validator:
        return self._document.validator_of_lists()


def checker_of(value: Any) -> Checker:
    """Return what checks by a schema that is there as a value.

    Raises:
        InvalidDocument: with each problem of the schema.
    """
    return Checker(schema_of(value))


def _problem(error: jsonschema_rs.ValidationError, node: Node) -> Problem:
    steps = tuple(error.instance_path)
    if error.kind.name == "additionalProperties" and len(unexpected := error.kind.unexpected) == 1:  # type: ignore[attr-defined]
        steps = (*steps, *unexpected)
    place = place_of(node, steps)
    message = error.message if len(error.message) <= _MAX_SHOWN else f"…{error.message[-_MAX_SHOWN:]}"
    return Problem(place.line, place.column, path_of(steps), error.kind.name, message)


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
