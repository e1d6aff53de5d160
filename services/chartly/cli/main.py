"""The entry point: subcommands, and what is said when one of them meets a bug."""

from __future__ import annotations

import click
from chartly.cli.commanding import Commands
from chartly.cli.commands.audit import audit
from chartly.cli.commands.completion import completion
from chartly.cli.commands.contract import contract
from chartly.cli.commands.demo import demo
from chartly.cli.commands.key import key
from chartly.cli.commands.profile import profile
from chartly.cli.commands.quarantine import quarantine
from chartly.cli.commands.records import records
from chartly.cli.commands.report import report
from chartly.cli.commands.run import run, runs
from chartly.cli.commands.schema_gen import schema_gen
from chartly.cli.commands.serve import drone, serve
from chartly.cli.commands.status import status
from chartly.cli.commands.up import down, up
from chartly.cli.commands.work import work
from chartly.cli.exits import Exit

_COMMANDS = (
    up,
    down,
    serve,
    drone,
    status,
    profile,
    contract,
    run,
    runs,
    records,
    quarantine,
    work,
    key,
    report,
    audit,
    schema_gen,
    demo,
    completion,
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="chartly-platform", prog_name="chartly", message="%(prog)s %(version)s")
def cli() -> None:
    """Turn outside sources into trusted, queryable datasets and reports."""


for command in _COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line."""
    try:
        cli(prog_name="chartly")
    except Exception as error:
        import traceback

        traceback.print_exc()
        click.echo(f"a bug of Chartly's: {error!r}. Please report it with the lines above", err=True)
        raise SystemExit(Exit.BUG) from error
