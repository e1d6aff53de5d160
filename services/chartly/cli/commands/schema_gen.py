"""`chartly schema-gen`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands
from chartly.cli.exits import Exit, fail

if TYPE_CHECKING:
    from chartly.tools.gen.image import Image

_descriptors = click.option(
    "--descriptors",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A serialized FileDescriptorSet with its imports; by default proto/ is compiled.",
)
_root = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Folder that has, or gets, contracts/ and gen/.  [default: this one]",
)


@click.group("schema-gen", cls=Commands)
def schema_gen() -> None:
    """Make JSON Schemas, the OpenAPI document and the reference of messages from protos."""


@schema_gen.command()
@_descriptors
@_root
def generate(descriptors: Path | None, out: Path) -> None:
    """Write all that follows from the contracts."""
    from chartly.tools.schema_gen import commands

    click.echo(f"{commands.generate(_load(descriptors), out)} files changed")


@schema_gen.command()
@_descriptors
@_root
def verify(descriptors: Path | None, out: Path) -> None:
    """Name each file that is not what the contracts say."""
    from chartly.tools.schema_gen import commands

    drift = commands.verify(_load(descriptors), out)
    for each in drift:
        click.echo(f"{each.path}: {each.reason}", err=True)
    if drift:
        fail(
            Exit.FAILED,
            f"{len(drift)} files are not what the contracts say; chartly schema-gen generate writes them anew",
        )
    click.echo("every file is what the contracts say")


@schema_gen.command()
@_descriptors
@click.option(
    "--against",
    type=click.Path(dir_okay=False, path_type=Path),
    default="contracts/baseline.binpb",
    show_default=True,
    help="Descriptor set to compare with.",
)
def diff(descriptors: Path | None, against: Path) -> None:
    """Say what has changed since the baseline; an incompatible change fails."""
    from chartly.tools.schema_gen import commands

    try:
        findings, is_compatible = commands.diff(_load(descriptors), against)
    except commands.NoContracts as error:
        fail(Exit.INVALID, str(error))
    for finding in findings:
        advice = f". {finding.advice}" if finding.advice else ""
        click.echo(f"{finding.path}: {finding.message} ({finding.layer}, {finding.rule}){advice}")
    if not is_compatible:
        fail(Exit.FAILED, f"the contracts break {against}")
    click.echo(f"{len(findings)} changes, all compatible" if findings else "nothing has changed")


def _load(descriptors: Path | None) -> Image:
    from chartly.tools.schema_gen import commands

    try:
        return commands.load(descriptors, Path.cwd())
    except commands.NoContracts as error:
        fail(Exit.INVALID, str(error))
