"""What the tests that need a whole mesh have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mesh_process import running_mesh

StartMesh = Callable[..., Any]


@pytest.fixture(scope="session")
def start_mesh() -> StartMesh:
    """Return a context manager that runs a mesh: `with start_mesh(folder, "--no-anonymous") as mesh`."""
    return running_mesh
