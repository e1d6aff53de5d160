"""The entry point: subcommands, and what is said when one of them meets a bug."""

from __future__ import annotations

import click
from chartly.cli.commands.up import down, up
from chartly.cli.exits import Exit


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="chartly-platform", prog_name="chartly", message="%(prog)s %(version)s")
def cli() -> None:
    """Turn outside sources into trusted, queryable datasets and reports."""


for command in (up, down):
    cli.add_command(command)


def main() -> None:
    """Run the command line."""
    try:
        cli()
    except Exception as error:
        import traceback

        traceback.print_exc()
        click.echo(f"a bug of Chartly's: {error!r}. Please report it with the lines above", err=True)
        raise SystemExit(Exit.BUG) from error
