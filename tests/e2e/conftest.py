"""One mesh for all tests of this folder, so each works on profiles of its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest import MAX_UPLOAD_BYTES, Rest


@pytest.fixture(scope="session")
def mesh(start_mesh: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A mesh on free ports whose drone may fetch from 127.0.0.1: see `Mesh` in tests/lib/mesh_process.py."""
    limits = {"CHARTLY_MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES)}
    with start_mesh(tmp_path_factory.mktemp("mesh"), "--allow-host", "127.0.0.1", environment=limits) as running:
        yield running


@pytest.fixture(scope="session")
def rest(mesh: Any) -> Iterator[Rest]:
    """A REST client of the mesh, as its administrator."""
    with mesh.client() as client:
        yield Rest(client)
