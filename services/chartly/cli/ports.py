"""The ports of a mesh: which are wanted, which are free, and who holds one that is not."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from chartly.runtime.settings import PORTS

METRICS_OFFSET = 1000
# Below the ports that Linux gives to outgoing connections, so that none of the mesh's own takes one between choice and use.
_FREE_RANGE = range(20_000, 32_000)
_LISTENING = "0A"


class PortTaken(Exception):
    """Another process listens on a port that the mesh needs."""

    def __init__(self, port: int, holder: str, flag: str) -> None:
        super().__init__(f"port {port} is taken by {holder}. Stop it, or choose another: chartly up {flag} PORT")


@dataclass(frozen=True, slots=True)
class MeshPorts:
    """A port for the edge, and two for each service: its own and that of its metrics."""

    edge: int
    services: dict[str, int]
    metrics: dict[str, int]


def choose(port: int, base_port: int) -> MeshPorts:
    """Return the ports of a mesh.

    Args:
        port: of the edge; 0 takes a free one.
        base_port: of the first service, the others follow; 0 takes free ones.

    Raises:
        PortTaken: one of them is in use.
    """
    free = _free_ports()
    first = base_port or next(free)
    services = {name: first + offset if base_port else next(free) for offset, name in enumerate(PORTS)}
    metrics = {name: own + METRICS_OFFSET if base_port else next(free) for name, own in services.items()}
    ports = MeshPorts(port or next(free), services, metrics)
    for taken in filter(_is_taken, [*services.values(), *metrics.values()]):
        raise PortTaken(taken, holder_of(taken), "--base-port")
    if _is_taken(ports.edge):
        raise PortTaken(ports.edge, holder_of(ports.edge), "--port")
    return ports


def loopback_addresses() -> list[str]:
    """Return the loopback addresses of this machine: 127.0.0.1, and ::1 where there is one."""
    try:
        with closing(socket.socket(socket.AF_INET6)) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]


def holder_of(port: int) -> str:
    """Return who listens on a port, as in `python3 (pid 4242)`, as far as the system tells."""
    inodes = {
        fields[9] for fields in _sockets() if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    }
    for process in Path("/proc").glob("[0-9]*"):
        if inodes & set(_socket_inodes(process)):
            return f"{_name(process)} (pid {process.name})"
    return "another process"


def _free_ports() -> Iterator[int]:
    candidates = random.sample(_FREE_RANGE, len(_FREE_RANGE))
    return (port for port in candidates if not _is_taken(port))


def _is_taken(port: int) -> bool:
    try:
        with closing(socket.socket(socket.AF_INET)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return True
        raise
    return False


def _sockets() -> Iterator[list[str]]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            yield from (line.split() for line in table.read_text().splitlines()[1:])


def _socket_inodes(process: Path) -> Iterator[str]:
    try:
        links = list((process / "fd").iterdir())
    except OSError:
        return  # another user's, or gone
    for link in links:
        with suppress(OSError):  # closed since
            target = str(link.readlink())
            if target.startswith("socket:["):
                yield target.removeprefix("socket:[").removesuffix("]")


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"
