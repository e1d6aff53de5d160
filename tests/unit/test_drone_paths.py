"""Where drones may read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from chartly.drone.errors import PathNotAllowed, SourceFileNotFound
from chartly.drone.paths import Roots


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (root / "in" / "a.csv").write_text("x\n")
    (tmp_path / "outside.csv").write_text("x\n")
    return root


@pytest.fixture
def roots(root: Path, tmp_path: Path) -> Roots:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.csv").write_text("x\n")
    return Roots([root, other], data_dir=root / ".chartly")


def test_relative_paths_begin_at_the_first_root(roots: Roots, root: Path) -> None:
    assert roots.resolve("in/a.csv") == (root / "in/a.csv").resolve()
    assert roots.resolve("in/../in/a.csv") == (root / "in/a.csv").resolve()


def test_absolute_paths_below_any_root_are_read(roots: Roots, tmp_path: Path) -> None:
    assert roots.resolve(str(tmp_path / "other/b.csv")) == (tmp_path / "other/b.csv").resolve()


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/passwd", "in/../../outside.csv", "/proc/self/environ"])
def test_paths_outside_the_roots_are_refused(roots: Roots, path: str) -> None:
    with pytest.raises(PathNotAllowed, match="--file-root"):
        roots.resolve(path)


def test_what_is_outside_is_refused_whether_it_exists_or_not(roots: Roots) -> None:
    with pytest.raises(PathNotAllowed):
        roots.resolve("/no/such/file")


def test_a_link_out_of_the_roots_is_refused(roots: Roots, root: Path, tmp_path: Path) -> None:
    (root / "link.csv").symlink_to(tmp_path / "outside.csv")
    (root / "folder").symlink_to(tmp_path)
    for path in ("link.csv", "folder/outside.csv"):
        with pytest.raises(PathNotAllowed):
            roots.resolve(path)


def test_the_data_folder_is_refused_also_through_a_link(roots: Roots, root: Path) -> None:
    (root / ".chartly").mkdir()
    (root / ".chartly/admin.key").write_text("chk_")
    (root / "alias").symlink_to(root / ".chartly")
    for path in (".chartly/admin.key", "alias/admin.key", ".chartly"):
        with pytest.raises(PathNotAllowed, match="data folder"):
            roots.resolve(path)


@pytest.mark.parametrize("path", ["none.csv", "in", "in/a.csv/b", "a\0b", "x" * 5000])
def test_what_is_no_file_is_said_so(roots: Roots, path: str) -> None:
    with pytest.raises(SourceFileNotFound):
        roots.resolve(path)


def test_a_pipe_is_no_file(roots: Roots, root: Path) -> None:
    os.mkfifo(root / "pipe.csv")
    with pytest.raises(SourceFileNotFound, match="not a regular file"):
        roots.resolve("pipe.csv")


def test_no_roots_allow_nothing(tmp_path: Path) -> None:
    with pytest.raises(PathNotAllowed):
        Roots([], data_dir=tmp_path).resolve("a.csv")


def test_files_of_a_package_are_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "broken_package"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('never import me')")
    (package / "data/a.csv").write_text("x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    roots = Roots([], data_dir=tmp_path / "data")
    assert roots.resolve("package:broken_package/data/a.csv") == (package / "data/a.csv").resolve()
    assert "broken_package" not in sys.modules


@pytest.mark.parametrize("path", ["package:broken_package/../secret.csv", "package:broken_package//etc/passwd"])
def test_a_package_path_stays_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    (tmp_path / "broken_package").mkdir()
    (tmp_path / "broken_package/__init__.py").touch()
    (tmp_path / "secret.csv").write_text("x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PathNotAllowed):
        Roots([], data_dir=tmp_path / "data").resolve(path)


@pytest.mark.parametrize("path", ["package:no_such_package/a.csv", "package:os.path/a", "package:", "package:sys/a"])
def test_a_package_that_is_not_there_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(SourceFileNotFound, match="no package"):
        Roots([], data_dir=tmp_path).resolve(path)
