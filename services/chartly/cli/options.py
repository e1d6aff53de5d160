"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_DATA_DIR = ".chartly"

data_dir_option = click.option(
    "--data-dir",
    default=DEFAULT_DATA_DIR,
    show_default=True,
    envvar="CHARTLY_DATA_DIR",
    show_envvar=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of everything the mesh keeps.",
)
output_option = click.option(
    "--output",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json"]),
    help="Text for people, or the RPC's answer as JSON.",
)


def port_options(command: Command) -> Command:
    """Add the ports of a mesh that the command starts."""
    option = partial(click.option, show_default=True, type=click.IntRange(0, 64000), metavar="PORT")
    services = "Port of the first service, the others follow; 0 takes free ones."
    command = option("--base-port", default=8080, help=services)(command)
    return option("--port", default=8090, help="Port of the edge; 0 takes a free one.")(command)


def page_options(what: str) -> Callable[[Command], Command]:
    """Return the options of a list: how much of it, and where to go on."""

    def add(command: Command) -> Command:
        command = click.option(
            "--page-token", default="", metavar="TOKEN", help="Where to go on, from the last answer."
        )(command)
        count = click.IntRange(1, 1000)
        return click.option(
            "--limit", default=100, show_default=True, type=count, metavar="N", help=f"Most {what} to list."
        )(command)

    return add
