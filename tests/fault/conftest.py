"""Finds the boundaries of a run before the tests are made: a mesh runs one run without faults and records them."""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from fault_run import POLLED, Client, Orders, Outcome, Source
from mesh_process import Mesh, running_mesh

# `chartly up` waits twice as long each time before it starts a process again that died soon.
KILLS_PER_MESH = 2


class Undisturbed(NamedTuple):
    """A run without faults: the boundaries that it reached, and what it left."""

    boundaries: list[str]
    outcome: Outcome


class Field:
    """Meshes to run faults on, one after another: a new one when a process of the old has died too often."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._numbers = itertools.count(1)
        self._kills: Counter[str] = Counter()
        self._mesh: Mesh | None = None
        self.source = Source()
        threading.Thread(target=self.source.serve_forever, daemon=True).start()

    def for_a_kill_of(self, process: str) -> tuple[Mesh, Orders]:
        """Return a mesh, and the orders that its processes obey."""
        if self._mesh is None or self._kills[process] >= KILLS_PER_MESH:
            self._renew()
        assert self._mesh is not None
        self._kills[process] += 1
        return self._mesh, self._orders

    def close(self) -> None:
        self._stack.close()
        self.source.shutdown()
        self.source.server_close()

    def new_profile_id(self) -> str:
        return f"fault-{next(self._numbers)}"

    def _renew(self) -> None:
        self._stack.close()
        self._kills.clear()
        folder = self._folder / f"mesh-{next(self._numbers)}"
        folder.mkdir(parents=True)
        self._orders = Orders(folder / "orders")
        flags = ("--allow-host", f"127.0.0.1:{self.source.server_port}")
        self._mesh = self._stack.enter_context(running_mesh(folder, *flags, environment=self._orders.environment))


@cache
def undisturbed() -> Undisturbed:
    """Return what a run without faults reaches and leaves.

    A mesh does some things by the clock, so a boundary counts when each of two runs reaches it, and of what the client polls
    the first call does.
    """
    with tempfile.TemporaryDirectory() as folder:
        field = Field(Path(folder))
        try:
            (first, outcome), (second, other_outcome) = _recorded(field), _recorded(field)
            assert outcome == other_outcome
            return Undisturbed([each for each in first if each in set(second) and not _is_polled_again(each)], outcome)
        finally:
            field.close()


def _is_polled_again(boundary: str) -> bool:
    name, _, number = boundary.rpartition(" ")
    return number != "1" and any(f"/{method} " in name for method in POLLED)


def _recorded(field: Field) -> tuple[list[str], Outcome]:
    mesh, orders = field.for_a_kill_of("nobody")
    with Client(mesh.url, mesh.admin_key) as client:
        profile_id = field.new_profile_id()
        client.create(profile_id, field.source.server_port)
        orders.record(profile_id)
        work_id = client.run(profile_id)
        client.wait(profile_id, work_id)
        orders.rest()
        return orders.recorded(profile_id), client.outcome(profile_id, work_id)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each boundary."""
    if "boundary" in metafunc.fixturenames:
        metafunc.parametrize("boundary", undisturbed().boundaries)


@pytest.fixture(scope="session")
def without_fault() -> Undisturbed:
    """What a run without faults reaches and leaves."""
    return undisturbed()


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Meshes to run faults on."""
    made = Field(tmp_path_factory.mktemp("field"))
    yield made
    made.close()
