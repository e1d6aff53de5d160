"""The data folder: its format, its lock, its keys."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest
from chartly.cli.data_folder import DataFolder, FolderRefused
from chartly.runtime.keys import key_id_of


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_gets_its_format_and_keys_that_only_their_owner_reads(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.open(["registry", "drone"])
    assert (folder.path / "format").read_text() == "1\n"
    assert mode(folder.path / "keys") == 0o700
    for key in (folder.admin_key, folder.key("registry"), folder.key("drone")):
        assert mode(key) == 0o600
        assert key_id_of(key.read_text().strip())


def test_keys_stay_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    first.open(["registry"])
    secret = first.admin_key.read_text()
    first.close_in_child()
    second = DataFolder(tmp_path)
    second.open(["registry"])
    assert second.admin_key.read_text() == secret


def test_commands_that_look_whether_a_mesh_runs_hinder_neither_each_other_nor_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    looking = os.open(tmp_path / "run" / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    folder = DataFolder(tmp_path)
    assert not folder.is_locked()
    monkeypatch.setattr("chartly.cli.data_folder.time.sleep", lambda _seconds: os.close(looking))
    folder.open([])
    assert folder.is_locked()


def test_a_first_run_is_expected_once_and_only_where_the_mesh_keeps_its_folder(tmp_path: Path) -> None:
    (tmp_path / "here" / "run").mkdir(parents=True)
    here, elsewhere = DataFolder(tmp_path / "here"), DataFolder(tmp_path / "elsewhere")
    for folder in (here, elsewhere):
        folder.expect_first_run("shelf")
    assert not here.take_first_run("../shelf")
    assert here.take_first_run("shelf")
    assert not here.take_first_run("shelf")
    assert not elsewhere.take_first_run("shelf")
    assert not elsewhere.path.exists()


def test_a_folder_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("2\n")
    with pytest.raises(FolderRefused, match="has format 2, and this version knows 1"):
        DataFolder(tmp_path).open([])


def test_two_meshes_on_one_folder_are_refused_and_the_first_is_named(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    first.open([])
    first.say({"pid": 4242})
    assert first.is_locked()
    with pytest.raises(FolderRefused, match=r"another mesh works on .* \(pid 4242\)"):
        DataFolder(tmp_path).open([])


def test_what_a_mesh_said_is_forgotten_with_its_lock(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.open([])
    folder.say({"pid": 4242})
    assert folder.said() == {"pid": 4242}
    folder.close_in_child()
    assert folder.said() == {}


def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderRefused, match=r"cannot be written \(Not a directory\)"):
        DataFolder(tmp_path / "file" / "data").open([])
