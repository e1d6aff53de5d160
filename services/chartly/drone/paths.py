"""Where a drone may read: below the allowed roots or inside an installed package, and never in the data folder."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from chartly.drone.errors import PathNotAllowed, SourceFileNotFound

_PACKAGE = "package:"


class Roots:
    """The folders that a drone may read; the first is where relative paths begin."""

    def __init__(self, roots: Sequence[Path], *, data_dir: Path) -> None:
        self._roots = [root.resolve() for root in roots]
        self._data_dir = data_dir.resolve()

    def resolve(self, path: str) -> Path:
        """Return the regular file that a profile's path names, free of links. Blocks.

        Raises:
            PathNotAllowed: it is outside the roots, or in the data folder.
            SourceFileNotFound: there is no such file, or it is no regular file.
        """
        if path.startswith(_PACKAGE):
            return self._checked(path, *_in_package(path))
        if not self._roots:
            raise PathNotAllowed(path, "is outside the folders that drones may read: there are none")
        return self._checked(path, self._roots[0] / path, self._roots)

    def _checked(self, path: str, candidate: Path, roots: Sequence[Path]) -> Path:
        try:
            resolved = candidate.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise SourceFileNotFound(path, f"cannot be opened ({error})") from None
        if not any(resolved.is_relative_to(root) for root in roots):
            names = ", ".join(str(root) for root in roots)
            raise PathNotAllowed(
                path,
                f"is outside the folders that drones may read ({names}). If you mean it: chartly up --file-root DIR",
            )
        if resolved.is_relative_to(self._data_dir):
            raise PathNotAllowed(path, "is in the data folder, which drones do not read")
        if not os.path.exists(resolved):  # noqa: PTH110  a name that is too long does not exist, either
            is_whole = Path(path).is_absolute()
            raise SourceFileNotFound(path, "does not exist" if is_whole else f"does not exist below {roots[0]}")
        if not resolved.is_file():
            raise SourceFileNotFound(path, "is not a regular file")
        return resolved


def _in_package(path: str) -> tuple[Path, list[Path]]:
    """Return a candidate and the package's folders, found without importing the package."""
    name, _, inner = path.removeprefix(_PACKAGE).partition("/")
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    folders = [Path(folder).resolve() for folder in (spec.submodule_search_locations or () if spec else ())]
    if not folders:
        raise SourceFileNotFound(path, f"cannot be read: no package {name} is installed where the drone runs")
    return next((folder / inner for folder in folders if (folder / inner).exists()), folders[0] / inner), folders
