"""The folder that storage gave for the files of one attempt."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from chartly.runtime import boundary
from chartly.runtime.files import path_of


class StageFolder:
    """Creates files of a stage. Each is a boundary of the run, named by its role."""

    def __init__(self, uri: str) -> None:
        self._path = path_of(uri)

    def create(self, name: str) -> BinaryIO:
        """Return a new file, open for writing, named by its path in the stage."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        boundary.reached("file", name, "before")
        return _StageFile(path, name)

    def write_raw(self, digest: str, data: bytes) -> None:
        """Keep the raw bytes of a page under the hexadecimal digits of their digest; bytes that are there stay."""
        path = self._path / "raw" / digest.removeprefix("sha256:")
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with boundary.around("file", "raw"):
            path.write_bytes(data)


class _StageFile(io.BufferedWriter):
    """A file that says when it is whole."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(io.FileIO(path, "x"), buffer_size=1 << 20)
        self._name = name

    def close(self) -> None:
        if not self.closed:
            super().close()
            boundary.reached("file", self._name, "after")
