"""Artifacts on their way in: bytes of any length, written once, kept under their digest. Blocks."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

from chartly.runtime import boundary
from chartly.runtime.files import sync_folder
from chartly.storage.errors import ArtifactCorrupt, ArtifactNotFound, BodyTooLarge
from chartly.storage.layout import Layout


class Incoming:
    """Bytes that arrive piece by piece; they are kept by `keep`, and gone after `discard`."""

    def __init__(self, layout: Layout, *, limit_bytes: int) -> None:
        self._layout = layout
        self._limit_bytes = limit_bytes
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        layout.spill.mkdir(parents=True, exist_ok=True)
        self._path = layout.spill / uuid.uuid4().hex
        self._file = self._path.open("xb")

    def add(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            BodyTooLarge: they are more than an artifact may have.
        """
        self.size_bytes += len(data)
        if self.size_bytes > self._limit_bytes:
            raise BodyTooLarge(size_bytes=self.size_bytes, limit_bytes=self._limit_bytes)
        self._digest.update(data)
        self._file.write(data)

    def seal(self) -> None:
        """Make the bytes durable; there are no more."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def keep(self) -> str:
        """Make what is sealed an artifact, and return its digest."""
        digest = f"sha256:{self._digest.hexdigest()}"
        target = self._layout.artifact(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        with boundary.around("file", "storage/artifact"):
            self._path.replace(target)
            sync_folder(target.parent)
        return digest

    def discard(self) -> None:
        """Remove what was not kept; nothing is no error."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def checked(path: Path, digest: str) -> None:
    """Check that an artifact's file has its digest.

    Raises:
        ArtifactNotFound: there is no file.
        ArtifactCorrupt: it has another digest.
    """
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ArtifactNotFound(digest) from None
    if digest != f"sha256:{actual}":
        raise ArtifactCorrupt(digest)
