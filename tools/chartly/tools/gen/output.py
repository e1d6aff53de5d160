"""Writing what was generated, so that a reader at the same time sees each file whole, old or new."""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a lock on `folder` while two generations would otherwise mix their files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace_all(folder: Path, files: Mapping[str, bytes], *, kept: Collection[str] = ()) -> int:
    """Make `folder` hold exactly `files`, by their path below it, beside those `kept`; return how many changed."""
    changed = sum(write(folder / name, content) for name, content in sorted(files.items()))
    paths = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    stale = [path for name, path in paths.items() if name not in files and name not in kept]
    for path in stale:
        path.unlink()
    _remove_folders_without_files(folder)
    return changed + len(stale)


def write(path: Path, content: bytes) -> bool:
    """Give `path` this content; return whether it had another."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)
    return True


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__"]


def _remove_folders_without_files(root: Path) -> None:
    for path in sorted(root.rglob("*/"), reverse=True):
        if not _files(path) and path.name != "__pycache__":
            shutil.rmtree(path)
