"""What the command says when the mesh refuses a call."""

from __future__ import annotations

from typing import NoReturn

import click
import grpc
from chartly.cli.exits import EXIT_OF_CODE, Exit
from chartly.cli.session import Key
from chartly.runtime.errors import ChartlyError, ServiceUnavailable, error_of, status_of
from google.protobuf.json_format import MessageToJson


def refused(error: grpc.aio.AioRpcError, *, url: str, key: Key, output: str) -> NoReturn:
    """Say why a call failed and end the command with the exit code that its gRPC code means.

    Args:
        error: how it failed.
        url: of the mesh that was called.
        key: that was sent.
        output: `json`, or any other word for people.
    """
    answer = error_of(error)
    if output == "json":
        click.echo(MessageToJson(status_of(answer), preserving_proto_field_name=True), err=True)
    elif isinstance(answer, ServiceUnavailable):
        click.echo(
            f"no mesh answers at {url}. Start one: chartly up. Or say where it is: CHARTLY_DATA_DIR=… or CHARTLY_URL=…",
            err=True,
        )
    else:
        say(answer)
        _say_key(error.code(), key, url)
    raise SystemExit(EXIT_OF_CODE.get(error.code().name, Exit.FAILED))


def _say_key(code: grpc.StatusCode, key: Key, url: str) -> None:
    """Say which key it was that was refused, or where none was found."""
    if code is grpc.StatusCode.UNAUTHENTICATED and key.secret:
        click.echo(f"The key from {key.origin} was sent to the mesh at {url}", err=True)
    elif code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED) and not key.secret:
        click.echo(
            f"No key was found in {key.origin}. Go to the mesh's folder, or set CHARTLY_DATA_DIR or CHARTLY_API_KEY",
            err=True,
        )


def say(error: ChartlyError) -> None:
    """Print an error and the violations that its message does not hold."""
    click.echo(error.message, err=True)
    for violation in error.violations:
        if violation.description not in error.message:
            click.echo(f"  {violation.field}: {violation.description}", err=True)
