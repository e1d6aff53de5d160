"""A profile or a report as its author wrote it, and the places in it that errors speak of."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from chartly.cli.exits import EXIT_OF_CODE, Exit

if TYPE_CHECKING:
    from chartly.engine.document import Node, Place
    from chartly.runtime import ChartlyError
    from google.api.httpbody_pb2 import HttpBody

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
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
        from chartly.engine import InvalidDocument
        from chartly.engine.document import read_document

        try:
            node = read_document(self.data, self.syntax)
        except InvalidDocument:
            return self.name
        place = _place(node, [name or int(index) for name, index in _STEP.findall(path)])
        return f"{self.name}:{place.line}:{place.column}" if path else self.name

    @contextmanager
    def placing(self, effect: str) -> Iterator[None]:
        """Print errors of the block's calls with their places in the file, and end the command.

        Args:
            effect: what did not happen then, as in `Nothing was saved.`
        """
        import grpc
        from chartly.runtime import error_of

        try:
            yield
        except grpc.aio.AioRpcError as error:
            answer = error_of(error)
            if lines := list(self._lines(answer)):
                say_problems(lines, effect)
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
        if not error.violations and "secret" in error.metadata:
            yield f"{self.at(self._path_of_secret(error.metadata['secret']))} {error.message}"

    def _path_of_secret(self, name: str) -> str:
        from chartly.engine import InvalidDocument, parse_profile, references

        try:
            paths = references(parse_profile(self.data, self.syntax)).get(name, ())
        except InvalidDocument:
            return ""
        return next(iter(paths), "")


def say_problems(lines: Sequence[str], effect: str) -> None:
    """Print what is wrong, a line each, and what therefore did not happen at the end of the last."""
    for line in lines[:-1]:
        click.echo(line, err=True)
    last = lines[-1]
    click.echo(last if effect in last else f"{last}{'' if last[-1] in '.?!' else '.'} {effect}", err=True)


def read_document(path: Path) -> Document:
    """Read a file, or standard input for `-`; a name that ends in `.json` is JSON, any other is YAML."""
    name, data = ("<stdin>", sys.stdin.buffer.read()) if str(path) == "-" else (str(path), path.read_bytes())
    return Document(name, data, "json" if path.suffix == ".json" else "yaml")


def _place(node: Node, steps: Sequence[str | int]) -> Place:
    """Return the place of the field that the steps lead to, as far as the document has them."""
    from chartly.engine.document import Listing, Mapping

    for step in steps:
        if isinstance(node, Mapping) and step in node.entries:
            node = node.entries[str(step)].node
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node.place
