"""`chartly up` and `chartly down`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from chartly.cli.exits import Exit, fail
from chartly.cli.options import data_dir_option, port_options
from chartly.cli.text import duration, shown

if TYPE_CHECKING:
    from chartly.cli.mesh import LocalMesh, MeshOptions

_DOWN_SECONDS = 10.0


def _host(text: str) -> str:
    from chartly.drone.egress import AllowedHost

    try:
        AllowedHost.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return text


@click.command()
@data_dir_option
@port_options
@click.option("--detach", is_flag=True, help="Return when the mesh is ready, and leave it running.")
@click.option("--no-anonymous", is_flag=True, help="Refuse callers without a key, who may read otherwise.")
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    callback=lambda _context, _option, hosts: tuple(map(_host, hosts)),
    metavar="HOST[:PORT]",
    help="Address that drones may fetch although it is not public.",
)
@click.option(
    "--file-root",
    "file_roots",
    multiple=True,
    default=(".",),
    show_default="the current folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that drones may read files from.",
)
@click.option(
    "--host-name",
    "host_names",
    multiple=True,
    metavar="NAME",
    help="Name that the edge answers to beside localhost, 127.0.0.1 and [::1].",
)
def up(
    data_dir: Path,
    port: int,
    base_port: int,
    detach: bool,
    no_anonymous: bool,
    allow_hosts: Sequence[str],
    file_roots: Sequence[Path],
    host_names: Sequence[str],
) -> None:
    """Start the mesh: nine services, Envoy and a drone, and keep them running."""
    from chartly.cli.mesh import MeshOptions

    began = _process_start()
    options = MeshOptions(port, base_port, not no_anonymous, allow_hosts, file_roots, host_names)
    if detach:
        _detached(data_dir, options, began)
    else:
        _run(data_dir, options, began, lambda: None)


@click.command()
@data_dir_option
def down(data_dir: Path) -> None:
    """Stop the mesh that runs on a data folder."""
    from chartly.cli.data_folder import DataFolder

    folder = DataFolder(data_dir)
    pid = folder.said().get("pid")
    if not isinstance(pid, int):
        click.echo(f"nothing runs on {shown(data_dir)}")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_SECONDS
    while folder.is_locked():
        if time.monotonic() > deadline:
            fail(Exit.FAILED, f"the mesh (pid {pid}) did not stop within {_DOWN_SECONDS:g} s")
        time.sleep(0.02)
    click.echo(f"stopped the mesh on {shown(data_dir)}")


def _run(data_dir: Path, options: MeshOptions, began: float, on_ready: Callable[[], None]) -> None:
    from chartly.cli.data_folder import DataFolder, FolderRefused
    from chartly.cli.mesh import LocalMesh
    from chartly.cli.ports import DRONE, PortTaken, choose
    from chartly.cli.supervisor import StartFailed, Supervisor
    from chartly.runtime.settings import PORTS

    folder = DataFolder(data_dir)
    try:
        folder.open([*PORTS, DRONE])
        mesh = LocalMesh(folder, choose(options.port, options.base_port), options)
        processes = mesh.processes()
    except (FileNotFoundError, FolderRefused, PortTaken) as refusal:
        fail(Exit.REFUSED, str(refusal))

    def ready() -> None:
        click.echo(
            f"ready in {duration(_now() - began)}   {mesh.url}   data {shown(data_dir)}   admin key {shown(folder.admin_key)}"
        )
        mesh.ports.release()
        on_ready()

    def changed() -> None:
        folder.say(_state(mesh, {process.name: process.pid for process in processes}))

    try:
        Supervisor(processes, port=mesh.ports.edge, ready=ready, say=click.echo, changed=changed).run(
            mesh.import_common
        )
    except StartFailed as failure:
        fail(Exit.FAILED, str(failure))


def _detached(data_dir: Path, options: MeshOptions, began: float) -> None:
    """Run the mesh in a process of its own; return when it is ready, and end as it ended if it does not get there."""
    from chartly.cli.data_folder import DataFolder
    from chartly.cli.processes import write_to

    told, telling = os.pipe()
    if child := os.fork():
        os.close(telling)
        if os.read(told, 1):
            return
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os.close(told)
    os.setsid()

    def ready() -> None:
        write_to(DataFolder(data_dir).log("up"))
        os.write(telling, b"1")
        os.close(telling)

    _run(data_dir, options, began, ready)


def _state(mesh: LocalMesh, pids: dict[str, int]) -> dict[str, object]:
    ports = {"edge": mesh.ports.edge, "services": mesh.ports.services, "metrics": mesh.ports.metrics}
    return {"pid": os.getpid(), "url": mesh.url, "ports": ports, "processes": pids}


def _now() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def _process_start() -> float:
    """Return when this process began, by the monotonic clock: before the interpreter had started."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return _now()
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return _now() - uptime
