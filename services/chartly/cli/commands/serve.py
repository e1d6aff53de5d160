"""`chartly serve` and `chartly drone`: one process of the mesh, in the foreground."""

from __future__ import annotations

import click

_flags = {"ignore_unknown_options": True, "help_option_names": []}


@click.command(context_settings=_flags)
@click.argument("service")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
def serve(service: str, flags: tuple[str, ...]) -> None:
    """Run one service; `chartly serve SERVICE --help` lists its flags."""
    from chartly.cli import mesh
    from chartly.runtime.settings import PORTS

    if service in ("-h", "--help"):
        click.echo(f"Usage: chartly serve SERVICE [FLAGS]\n\nServices: {', '.join(PORTS)}")
        return
    if service not in PORTS:
        raise click.BadParameter(f"{service} is no service; there are {', '.join(PORTS)}")
    raise SystemExit(mesh.serve(service, flags))


@click.command(context_settings=_flags)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
def drone(flags: tuple[str, ...]) -> None:
    """Run a drone; `chartly drone --help` lists its flags."""
    from chartly.cli import mesh
    from chartly.cli.ports import DRONE

    raise SystemExit(mesh.serve(DRONE, flags))
