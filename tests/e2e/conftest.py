"""One mesh for all tests of this folder, so each works on profiles of its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def mesh(start_mesh: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A mesh with its defaults, on free ports: see `Mesh` in tests/conftest.py."""
    with start_mesh(tmp_path_factory.mktemp("mesh")) as running:
        yield running
