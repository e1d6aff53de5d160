"""How the command ends: its exit codes, and what they follow from."""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn

import click


class Exit(IntEnum):
    """Exit codes of the command."""

    OK = 0
    FAILED = 1
    INVALID = 2  # of usage or input; click's own code for usage
    NOT_FOUND = 3
    REFUSED = 4
    UNAVAILABLE = 5
    BUG = 70


#: What a gRPC code, by its name, means for the command; any other is a failure.
EXIT_OF_CODE = {
    "INVALID_ARGUMENT": Exit.INVALID,
    "OUT_OF_RANGE": Exit.INVALID,
    "NOT_FOUND": Exit.NOT_FOUND,
    "ABORTED": Exit.REFUSED,
    "ALREADY_EXISTS": Exit.REFUSED,
    "FAILED_PRECONDITION": Exit.REFUSED,
    "PERMISSION_DENIED": Exit.REFUSED,
    "RESOURCE_EXHAUSTED": Exit.REFUSED,
    "UNAUTHENTICATED": Exit.REFUSED,
    "DEADLINE_EXCEEDED": Exit.UNAVAILABLE,
    "UNAVAILABLE": Exit.UNAVAILABLE,
    "INTERNAL": Exit.BUG,
    "UNKNOWN": Exit.BUG,
}


def fail(code: Exit, message: str) -> NoReturn:
    """Say what went wrong on standard error and end the command."""
    click.echo(message, err=True)
    raise SystemExit(code)
