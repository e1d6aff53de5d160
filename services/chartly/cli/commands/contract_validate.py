"""`chartly contract validate`: data against a contract, all errors with their places."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from chartly.cli.commanding import Output, mesh_command
from chartly.cli.exits import Exit
from chartly.cli.text import counted

if TYPE_CHECKING:
    from chartly.cli.session import Session
    from chartly.contracts.checks.validation import Checker
    from chartly.engine import Problem
    from chartly.engine.document import Syntax

_LINES = (".ndjson", ".jsonl")
PROFILE = "chartly.api.profile.v1.Profile"


@click.command("validate")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option(
    "--contract",
    default=PROFILE,
    show_default=True,
    metavar="CONTRACT",
    help="File or folder of a JSON Schema, data contract or protos; NAME@VERSION in the registry; or a message of Chartly's.",
)
@click.option(
    "--message", default="", metavar="NAME", help="For protos: full name of the message; the first by default."
)
@click.option(
    "--max-errors", default=1000, show_default=True, type=click.IntRange(1), metavar="N", help="Most errors to print."
)
@mesh_command
async def validate(
    session: Session, output: Output, files: tuple[Path, ...], contract: str, message: str, max_errors: int
) -> None:
    """Check JSON, NDJSON and YAML files against a contract; `-` is NDJSON from standard input."""
    from chartly.cli.contract_checks import find_checker

    checker = await find_checker(session, contract, message)
    result = _Result(output.form, max_errors)
    for file in files:
        for records, problems in _checked(checker, file):
            result.add(file, records, problems)
    result.end()


def _checked(checker: Checker, file: Path) -> Iterator[tuple[int, list[Problem]]]:
    """Yield how many records there were and what is wrong with them, for each part of a file."""
    from chartly.contracts.checks.validation import MAX_DOCUMENT_BYTES

    with _opened(file) as opened:
        if str(file) == "-" or file.suffix in _LINES:
            yield from checker.line_problems(opened)
        else:
            syntax: Syntax = "json" if file.suffix == ".json" else "yaml"
            yield 1, checker.document_problems(opened.read(MAX_DOCUMENT_BYTES + 1), syntax)


def _opened(file: Path) -> nullcontext[BinaryIO] | BinaryIO:
    return nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb")


class _Result:
    """Prints errors as they are found, up to a number of them, and counts all."""

    def __init__(self, form: str, max_errors: int) -> None:
        self._is_json = form == "json"
        self._left = max_errors
        self._records = 0
        self._errors = 0

    def add(self, file: Path, records: int, problems: list[Problem]) -> None:
        """Count the records of a part of a file and print what is wrong with them."""
        self._records += records
        self._errors += len(problems)
        for problem in problems[: self._left]:
            self._print("<stdin>" if str(file) == "-" else str(file), problem)
        self._left -= min(self._left, len(problems))

    def end(self) -> None:
        """Print the counts, and end the command if there was an error."""
        if self._is_json:
            click.echo(json.dumps({"records": self._records, "errors": self._errors}))
        else:
            words = f"{counted(self._errors, 'error')}" if self._errors else "no error"
            click.echo(f"{counted(self._records, 'record')}, {words}", err=bool(self._errors))
        if self._errors:
            raise SystemExit(Exit.INVALID)

    def _print(self, file: str, problem: Problem) -> None:
        if self._is_json:
            told = {"file": file, "line": problem.line, "column": problem.column, "path": problem.path}
            click.echo(json.dumps(told | {"rule": problem.reason, "message": problem.message}, ensure_ascii=False))
        else:
            path = f"{problem.path}: " if problem.path else ""
            click.echo(f"{file}:{problem.line}:{problem.column} {path}{problem.message} ({problem.reason})", err=True)
