"""`chartly demo`."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import click
from chartly.cli.exits import Exit, fail
from chartly.cli.options import DEFAULT_DATA_DIR, data_dir_option, port_options
from chartly.cli.text import shown

_WEATHER_PORT = 8099
_MARK = "demo"


@click.command()
@data_dir_option
@port_options
def demo(data_dir: Path, port: int, base_port: int) -> None:
    """Do the main job on a year of real flights and weather, start to end.

    Works in a data folder of its own: one that an earlier demo made is removed first, any other is left alone.
    """
    from chartly.cli.demo.data import DataMissing, package_file
    from chartly.cli.ports import holder_of, is_free

    try:
        package_file("flights.csv.zip")
    except DataMissing as missing:
        fail(Exit.FAILED, str(missing))
    if not is_free(_WEATHER_PORT):
        holder = holder_of(_WEATHER_PORT).name
        fail(Exit.REFUSED, f"port {_WEATHER_PORT} is taken by {holder}. Stop it: the demo serves its weather there")
    _clear(data_dir)
    data_dir.mkdir(parents=True)
    (data_dir / _MARK).write_text("made by chartly demo, which removes it when it runs again\n")
    ports = ("--port", str(port), "--base-port", str(base_port))
    if code := _chartly("up", "--detach", *ports, "--allow-host", f"127.0.0.1:{_WEATHER_PORT}", data_dir=data_dir):
        raise SystemExit(code)
    stays_up = False
    try:
        asyncio.run(_work(data_dir))
        stays_up = sys.stdin.isatty() and sys.stdout.isatty()
    finally:
        if not stays_up:
            _chartly("down", data_dir=data_dir)
    if stays_up:
        _say_where_to_look(data_dir)


async def _work(data_dir: Path) -> None:
    import os

    import grpc
    from chartly.cli.demo.steps import StepFailed, run_steps, weather_api
    from chartly.cli.problems import refused
    from chartly.cli.session import connect

    for name in ("CHARTLY_URL", "CHARTLY_API_KEY"):  # so that the mesh of the data folder is meant
        os.environ.pop(name, None)
    async with connect(data_dir) as session:
        try:
            async with weather_api(_WEATHER_PORT):
                await run_steps(session)
        except StepFailed as failure:
            fail(Exit.FAILED, str(failure))
        except grpc.aio.AioRpcError as error:
            refused(error, url=session.url, key=session.key, output="text")


def _clear(data_dir: Path) -> None:
    """Remove a folder that an earlier demo made, and stop its mesh; leave any other alone."""
    from chartly.cli.data_folder import DataFolder

    if not data_dir.exists():
        return
    if not (data_dir / _MARK).exists():
        fail(
            Exit.REFUSED,
            f"{shown(data_dir)} is there and was not made by a demo, so it is left alone. "
            "Choose another: chartly demo --data-dir DIR",
        )
    if DataFolder(data_dir).said():
        _chartly("down", data_dir=data_dir)
    shutil.rmtree(data_dir)


def _chartly(*arguments: str, data_dir: Path) -> int:
    command = [sys.executable, "-m", "chartly.cli", arguments[0], "--data-dir", str(data_dir), *arguments[1:]]
    return subprocess.run(command, check=False).returncode


def _say_where_to_look(data_dir: Path) -> None:
    elsewhere = "" if str(data_dir) == DEFAULT_DATA_DIR else f"   export CHARTLY_DATA_DIR={data_dir}\n"
    click.echo(
        "\nThe mesh stays up. Look with:\n"
        f"{elsewhere}"
        "   chartly runs list\n"
        '   chartly records nyc-weather --filter "precip > 1"\n'
        "   chartly quarantine list nyc-weather --all\n"
        "   chartly report show delay-by-rain\n"
        "   chartly audit verify\n"
        "   chartly down"
    )
