"""Files that are there whole or not at all, also after a power cut, and where the URIs of files lead."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chartly.runtime import boundary


def path_of(uri: str) -> Path:
    """Return the path that a `file:///…` URI names.

    Raises:
        ValueError: the URI is of another scheme.
    """
    parts = urlsplit(uri)
    if parts.scheme != "file":
        raise ValueError(f"{uri} is no file:// URI")
    return Path(unquote(parts.path))


def write_durably(path: Path, content: bytes, *, mode: int = 0o644, name: str | None = None) -> None:
    """Write a file so that a reader sees the old one or the new one, and so that the new one stays.

    Blocks; call it by `asyncio.to_thread`.

    Args:
        path: where; its folder exists.
        content: all of it.
        mode: permission bits of the file.
        name: the boundary's name, if the file's own name differs from run to run.
    """
    with boundary.around("file", name or path.name):
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            _write_and_sync(temporary, content, mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: what was created, renamed or removed there."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_and_sync(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
