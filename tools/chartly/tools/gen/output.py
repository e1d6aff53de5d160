"""Writing what was generated, so that a reader at the same time sees each file whole, old or new."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

# Below each of these folders, whatever was not generated now is removed.
OWNED = ("python", "descriptors", "docs")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a lock on `folder` while two generations would otherwise mix their files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace_all(root: Path, files: Mapping[str, bytes]) -> int:
    """Make the owned folders below `root` hold exactly `files`; return how many files changed."""
    changed = sum(write(root / name, content) for name, content in sorted(files.items()))
    stale = [path for path in _generated(root) if path.relative_to(root).as_posix() not in files]
    for path in stale:
        path.unlink()
    _remove_empty_folders(root)
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


def _generated(root: Path) -> list[Path]:
    paths = (path for name in OWNED for path in (root / name).rglob("*"))
    return [path for path in paths if path.is_file() and "__pycache__" not in path.parts]


def _remove_empty_folders(root: Path) -> None:
    for name in OWNED:
        for folder, _, _ in os.walk(root / name, topdown=False):
            left = [path for path in Path(folder).iterdir() if path.name != "__pycache__"]
            if not left and Path(folder) != root / name:
                _remove(Path(folder))


def _remove(folder: Path) -> None:
    for cached in folder.glob("__pycache__/*"):
        cached.unlink()
    for cache in folder.glob("__pycache__"):
        cache.rmdir()
    folder.rmdir()
