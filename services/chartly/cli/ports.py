"""The ports of a mesh: which are wanted, which are free, and who holds one that is not."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from chartly.cli.data_folder import DataFolder
from chartly.cli.text import shown
from chartly.runtime.settings import PORTS

DRONE = "drone"
METRICS_OFFSET = 1000
# Below the ports that Linux gives to outgoing connections, so that none of the mesh's own takes one between choice and use.
_FREE_RANGE = range(20_000, 32_000)
_LISTENING = "0A"


class Holder(NamedTuple):
    """Who listens on a port, as in `python3 (pid 4242)`, and the data folder of the mesh that it belongs to, if to one."""

    name: str
    data_dir: str = ""


class PortTaken(Exception):
    """Another process listens on a port that the mesh needs."""

    def __init__(self, port: int, holder: Holder, flag: str) -> None:
        stop = f"Stop it: chartly down --data-dir {holder.data_dir}. Or" if holder.data_dir else "Stop it, or"
        super().__init__(f"port {port} is taken by {holder.name}. {stop} choose another: chartly up {flag} PORT")


@dataclass(frozen=True, slots=True)
class MeshPorts:
    """A port for the edge, and two for each service: its own and that of its metrics. The drone has one for its metrics.

    Ports that were found free are held, so that no other mesh that starts now takes them, until `release`; the mesh's own
    processes can listen on them.
    """

    edge: int
    services: dict[str, int]
    metrics: dict[str, int]
    held: tuple[socket.socket, ...] = ()

    def release(self) -> None:
        """Hold nothing any more: the ports are in use, or not needed."""
        for holder in self.held:
            holder.close()


def choose(port: int, base_port: int) -> MeshPorts:
    """Return the ports of a mesh.

    Args:
        port: of the edge; 0 takes a free one.
        base_port: of the first service, the others follow; 0 takes free ones.

    Raises:
        PortTaken: one of them is in use.
    """
    services = {name: base_port + offset for offset, name in enumerate(PORTS)}
    metrics = {name: base_port + METRICS_OFFSET + offset for offset, name in enumerate((*PORTS, DRONE))}
    for wanted in [*services.values(), *metrics.values()] if base_port else []:
        _refuse_taken(wanted, "--base-port")
    if port:
        _refuse_taken(port, "--port")
    held = [_free() for _ in range((not port) + (0 if base_port else len(services) + len(metrics)))]
    free = iter(holder.getsockname()[1] for holder in held)
    edge = port or next(free)
    if not base_port:
        services, metrics = ({name: next(free) for name in wanted} for wanted in (services, metrics))
    return MeshPorts(edge, services, metrics, tuple(held))


def loopback_addresses() -> list[str]:
    """Return the loopback addresses of this machine: 127.0.0.1, and ::1 where there is one."""
    try:
        with closing(socket.socket(socket.AF_INET6)) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]


def is_free(port: int) -> bool:
    """Return whether one could listen on a port now."""
    with closing(socket.socket(socket.AF_INET)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def holder_of(port: int) -> Holder:
    """Return who listens on a port, as far as the system tells."""
    inodes = {
        fields[9] for fields in _sockets() if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    }
    for process in Path("/proc").glob("[0-9]*"):
        if inodes & set(_socket_inodes(process)):
            return Holder(f"{_name(process)} (pid {process.name})", _data_dir(process))
    return Holder("another process")


def _free() -> socket.socket:
    """Return a socket that holds a free port.

    Its address can be used again by who asks for that, as servers do, while it does not listen; another that wants a free port
    does not ask.
    """
    while True:
        holder = socket.socket(socket.AF_INET)
        try:
            holder.bind(("127.0.0.1", random.choice(_FREE_RANGE)))  # noqa: S311  # no secret
        except OSError:
            holder.close()
        else:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return holder


def _refuse_taken(port: int, flag: str) -> None:
    if not is_free(port):
        raise PortTaken(port, holder_of(port), flag)


def _sockets() -> Iterator[list[str]]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            yield from (line.split() for line in table.read_text().splitlines()[1:])


def _socket_inodes(process: Path) -> Iterator[str]:
    for target in _open_files(process):
        if target.startswith("socket:["):
            yield target.removeprefix("socket:[").removesuffix("]")


def _data_dir(process: Path) -> str:
    """Return the folder of the mesh that a process belongs to: the one that its parent has locked; empty without one."""
    try:
        parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return ""
    locks = [Path(target) for target in _open_files(process.parent / parent) if target.endswith("/run/lock")]
    folders = [lock.parents[1] for lock in locks if str(DataFolder(lock.parents[1]).said().get("pid")) == parent]
    return shown(_from_here(folders[0])) if folders else ""


def _from_here(folder: Path) -> Path:
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _open_files(process: Path) -> Iterator[str]:
    """Yield what the file descriptors of a process lead to; nothing of a process that is another user's, or gone."""
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):  # closed since
                yield str(link.readlink())


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"
