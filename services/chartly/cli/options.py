"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

data_dir_option = click.option(
    "--data-dir",
    default=".chartly",
    show_default="./.chartly",
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
