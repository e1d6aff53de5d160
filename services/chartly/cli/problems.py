"""What the command says when the mesh refuses a call."""

from __future__ import annotations

from typing import NoReturn

import click
import grpc
from chartly.cli.exits import EXIT_OF_CODE, Exit
from chartly.runtime.errors import ChartlyError, ServiceUnavailable, error_of, status_of
from google.protobuf.json_format import MessageToJson


def refused(error: grpc.aio.AioRpcError, *, url: str, output: str) -> NoReturn:
    """Say why a call failed and end the command with the exit code that its gRPC code means."""
    answer = error_of(error)
    if output == "json":
        click.echo(MessageToJson(status_of(answer), preserving_proto_field_name=True), err=True)
    elif isinstance(answer, ServiceUnavailable):
        click.echo(f"no mesh answers at {url}. Start one: chartly up. Or say where it is: CHARTLY_URL=…", err=True)
    else:
        say(answer)
    raise SystemExit(EXIT_OF_CODE.get(error.code().name, Exit.FAILED))


def say(error: ChartlyError) -> None:
    """Print an error and the violations that its message does not hold."""
    click.echo(error.message, err=True)
    for violation in error.violations:
        if violation.description not in error.message:
            click.echo(f"  {violation.field}: {violation.description}", err=True)
