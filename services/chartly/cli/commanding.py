"""What the commands that speak with the mesh have in common: a session, an output, and an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click
from chartly.cli.options import data_dir_option, output_option

if TYPE_CHECKING:
    from chartly.cli.session import Session
    from google.protobuf.message import Message

Options = ParamSpec("Options")
_INTERRUPTED = 130
_LONGEST_SENTENCE = 1000


class Commands(click.Group):
    """Lists its commands as a newcomer meets them, not by the alphabet, each with its whole first sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list; a sentence that is longer than a line goes on in the next."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(_LONGEST_SENTENCE)) for name, command in self.commands.items()]
            )


class Output:
    """Where a command's answer goes: JSON for programs, or what it prints for people."""

    def __init__(self, form: str) -> None:
        self.form = form

    def json(self, answer: Message) -> bool:
        """Print an answer as protojson if that is wanted; return whether it was."""
        if self.form != "json":
            return False
        from google.protobuf.json_format import MessageToJson

        shape = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
        click.echo(MessageToJson(answer, ensure_ascii=False, **shape))  # type: ignore[arg-type]  # they are booleans
        return True


def mesh_command(
    command: Callable[Concatenate[Session, Output, Options], Awaitable[None]],
) -> Callable[..., None]:
    """Make a command of a coroutine function that takes a session and an output before its own options."""

    @data_dir_option
    @output_option
    @wraps(command)
    def run(*, data_dir: Path, output: str, **options: Any) -> None:
        try:
            asyncio.run(_converse(command, data_dir, output, options))
        except KeyboardInterrupt:
            raise SystemExit(_INTERRUPTED) from None

    return run


async def _converse(
    command: Callable[..., Awaitable[None]], data_dir: Path, output: str, options: dict[str, Any]
) -> None:
    import grpc
    from chartly.cli.problems import refused
    from chartly.cli.session import connect

    async with connect(data_dir) as session:
        try:
            await command(session, Output(output), **options)
        except grpc.aio.AioRpcError as error:
            refused(error, url=session.url, key=session.key, output=output)
