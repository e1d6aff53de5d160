"""Tables for people, as wide as they need to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table.

    Args:
        columns: their headings.
        rows: as many texts each.
        right: headings of the columns that hold numbers.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def console() -> Console:
    """Return a console on standard output; a pipe or a file gets whole lines, however long."""
    return Console(soft_wrap=False) if Console().is_terminal else Console(width=10_000, soft_wrap=False)


def more(next_page_token: str) -> None:
    """Say that a list goes on, where it does."""
    if next_page_token:
        click.echo(f"more: --page-token {next_page_token}, or a greater --limit", err=True)
