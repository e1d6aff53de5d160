"""A profile or a report as its author wrote it, and the places in it that errors speak of."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from chartly.cli.exits import EXIT_OF_CODE, Exit, fail
from chartly.cli.text import first_lines

if TYPE_CHECKING:
    from chartly.engine.document import Node, Place
    from chartly.runtime import ChartlyError
    from google.api.httpbody_pb2 import HttpBody

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
# What is found when a page was fetched.
_OF_RECORDS = ("ERROR_REASON_DATA_CORRUPT", "ERROR_REASON_SOURCE_FIELD_MISSING", "ERROR_REASON_VALUE_REFUSED")
# Services say of a document's problem where it is: `12:5 unknown key …`.
_PLACED = re.compile(r"\d+:\d+ ")
_MEDIA_TYPES = {"yaml": "application/yaml", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML or JSON file; `name` is what messages call it."""

    name: str
    data: bytes
    syntax: Literal["yaml", "json"]

    def body(self) -> HttpBody:
        """Return it as the services take it."""
        from google.api.httpbody_pb2 import HttpBody

        return HttpBody(content_type=_MEDIA_TYPES[self.syntax], data=self.data)

    def at(self, path: str) -> str:
        """Return `FILE:LINE:COLUMN` of a field, or of the nearest one above it that the file has; `FILE` without one."""
        place, _ = self._find(path)
        return f"{self.name}:{place.line}:{place.column}" if path and place else self.name

    @contextmanager
    def placing(self, effect: str) -> Iterator[None]:
        """Print errors of the block's calls with their places in the file, and end the command.

        Args:
            effect: what did not happen then, as in `Nothing was saved.`
        """
        import grpc
        from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
        from chartly.runtime import error_of

        try:
            yield
        except grpc.aio.AioRpcError as error:
            answer = error_of(error)
            if lines := list(self._lines(answer)):
                say_problems(
                    lines, "Nothing was written." if ErrorReason.Name(answer.reason) in _OF_RECORDS else effect
                )
                raise SystemExit(EXIT_OF_CODE.get(error.code().name, Exit.FAILED)) from None
            raise

    def _lines(self, error: ChartlyError) -> Iterator[str]:
        for violation in error.violations:
            placed = _PLACED.match(violation.description)
            yield (
                f"{self.name}:{violation.description}"
                if placed
                else f"{self.at(violation.field)} {violation.description}"
            )
        if not error.violations and (path := self._path_in(error.metadata)):
            yield f"{self.at(path)} {error.message}"

    def _path_in(self, metadata: Mapping[str, str]) -> str:
        """Return the path of the field that an error of a run or preview is about; empty where the file has none such."""
        return next((path for path in _paths_of(metadata) if self._find(path)[1]), "")

    def _find(self, path: str) -> tuple[Place | None, bool]:
        """Return the place of a field, or of the nearest one above it, and whether the field itself is there."""
        from chartly.engine import InvalidDocument
        from chartly.engine.document import read_document

        try:
            node = read_document(self.data, self.syntax)
        except InvalidDocument:
            return None, False
        return _place(node, [name or int(index) for name, index in _STEP.findall(path)])


def say_problems(problems: Sequence[str], effect: str, *, total: int = 0) -> None:
    """Print what is wrong, a line each, and what therefore did not happen at the end of the last.

    Args:
        total: how many problems there are, if not all of them are given.
    """
    lines = first_lines(problems, total=total)
    for line in lines[:-1]:
        click.echo(line, err=True)
    last = lines[-1]
    click.echo(last if effect in last else f"{last}{'' if last[-1] in '.?!' else '.'} {effect}", err=True)


def say_warnings(lines: Iterable[str]) -> None:
    """Print what the author should know though nothing is wrong, a line each, where no answer is mistaken for it."""
    for line in lines:
        click.echo(f"warning: {line}", err=True)


def read_document(path: Path) -> Document:
    """Read a file, or standard input for `-`; a name that ends in `.json` is JSON, any other is YAML.

    One that no service takes ends the command, and is not read to its end.
    """
    from chartly.engine.document import MAX_SIZE_BYTES

    name, file = ("<stdin>", sys.stdin.buffer) if str(path) == "-" else (str(path), path.open("rb"))
    with file:
        data = file.read(MAX_SIZE_BYTES + 1)
    if len(data) > MAX_SIZE_BYTES:
        fail(
            Exit.INVALID, f"{name} has more than the {MAX_SIZE_BYTES} bytes that a document may have. Nothing was sent."
        )
    return Document(name, data, "json" if path.suffix == ".json" else "yaml")


def _paths_of(metadata: Mapping[str, str]) -> Sequence[str]:
    """Return where the field may stand in a profile that an error's metadata speaks of, the best place first."""
    match metadata:
        case {"field": field}:
            return [f"{above}{field}{below}" for above in ("dims.", "measures.", "") for below in (".source", "")]
        case {"page": _, "path": _}:
            return ["records.path", "source"]
        case {"page": _}:
            return ["source"]
        case {"path": _}:
            return ["source.file.path"]
    return []


def _place(node: Node, steps: Sequence[str | int]) -> tuple[Place, bool]:
    """Return the place of the field that the steps lead to, as far as the document has them, and whether it has them all."""
    from chartly.engine.document import Listing
    from chartly.engine.document import Mapping as Fields

    for step in steps:
        if isinstance(node, Fields) and step in node.entries:
            node = node.entries[str(step)].node
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return node.place, False
    return node.place, True
