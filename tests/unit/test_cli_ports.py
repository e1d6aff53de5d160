"""The ports of a mesh, and who holds one that is taken."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from chartly.cli.ports import MeshPorts, PortTaken, choose, holder_of
from chartly.runtime.settings import PORTS


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_holder_of_a_port_is_named_with_its_pid(taken: int) -> None:
    assert f"(pid {os.getpid()})" in holder_of(taken).name


def test_a_taken_port_is_refused_with_its_holder_and_a_way_out(taken: int) -> None:
    with pytest.raises(PortTaken) as refusal:
        choose(taken, 0)
    assert f"port {taken} is taken by" in str(refusal.value)
    assert f"(pid {os.getpid()})" in str(refusal.value)
    assert "chartly up --port PORT" in str(refusal.value)


def test_a_taken_port_of_a_service_names_the_other_flag(taken: int) -> None:
    with pytest.raises(PortTaken, match="chartly up --base-port PORT"):
        choose(0, taken)


def test_free_ports_are_all_different_and_not_those_of_outgoing_connections() -> None:
    ports = choose(0, 0)
    ports.release()
    everything = [ports.edge, *ports.services.values(), *ports.metrics.values()]
    assert len(set(everything)) == 1 + 2 * len(PORTS) + 1
    assert max(everything) < 32768


def a_free_base() -> tuple[int, MeshPorts]:
    """Return a port that has enough free ones above it, and what follows from it; other meshes may run beside the test."""
    for _ in range(100):
        free = choose(0, 0)
        free.release()
        with suppress(PortTaken):
            return free.edge, choose(0, free.edge)
    raise AssertionError("no ports are free")


def test_services_follow_the_base_port_and_metrics_stand_a_thousand_above() -> None:
    base, ports = a_free_base()
    ports.release()
    assert list(ports.services.values()) == list(range(base, base + len(PORTS)))
    assert ports.metrics == {name: base + 1000 + offset for offset, name in enumerate((*PORTS, "drone"))}


def test_a_free_port_is_held_against_other_meshes_and_open_to_its_own_servers() -> None:
    ports = choose(0, 0)
    address = ("127.0.0.1", ports.edge)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(address)
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen()
    ports.release()
