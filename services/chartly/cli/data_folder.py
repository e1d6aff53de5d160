"""The data folder: its format, its lock, its keys, and who works on it.

format            version of the folder's layout
admin.key         the key of the person who started the mesh
keys/NAME.key     the keys of the services and the drone
logs/NAME.log     what each process says
run/              what is true while a mesh runs: its lock, its ports, Envoy's configuration; and which first runs nobody has seen
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from chartly.cli.text import shown
from chartly.runtime.keys import generate_secret

FORMAT = 1
_LOOKS, _LOOK_SECONDS = 10, 0.02


class FolderRefused(Exception):
    """The data folder cannot be used; the message says why and what to do."""


class DataFolder:
    """A data folder at a path; nothing is read or written before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def admin_key(self) -> Path:
        """File with the administrator's key."""
        return self.path / "admin.key"

    @property
    def envoy_config(self) -> Path:
        """Envoy's configuration, written at each start."""
        return self.path / "run" / "envoy.yaml"

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.path / "logs" / f"{name}.log"

    def key(self, name: str) -> Path:
        """Return the file with the key of a service or drone."""
        return self.path / "keys" / f"{name}.key"

    def open(self, owners: Iterable[str]) -> None:
        """Make what is missing, the keys of the owners too, and lock the folder for this process.

        Raises:
            FolderRefused: it cannot be written, a newer version made it, or another mesh works on it.
        """
        try:
            self._make_folders()
            self._take_lock()
            self._check_format()
            for key in (self.admin_key, *map(self.key, owners)):
                _make_key(key)
        except OSError as error:
            problem = os.strerror(error.errno or 0)
            raise FolderRefused(
                f"the data folder {shown(self.path)} cannot be written ({problem}). Choose another: chartly up --data-dir DIR"
            ) from error

    def close_in_child(self) -> None:
        """Let go of the lock in a forked process, so that it is held exactly as long as the parent lives."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def say(self, state: dict[str, object]) -> None:
        """Write what is true of the running mesh, for `chartly down` and for whoever wants to find its processes."""
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(state, indent=1) + "\n")
        draft.replace(self._state)

    def said(self) -> dict[str, object]:
        """Return what the mesh that runs here said; empty if none runs."""
        if not self.is_locked():
            return {}
        try:
            state: dict[str, object] = json.loads(self._state.read_text())
        except FileNotFoundError:
            return {}
        return state

    def expect_first_run(self, profile_id: str) -> None:
        """Remember that a profile was saved for the first time, so that `chartly run` shows the run that it began with."""
        with suppress(OSError):  # without the mesh's own folder, or with one that others own, nothing is remembered
            self._first_run(profile_id).touch()

    def take_first_run(self, profile_id: str) -> bool:
        """Forget what `expect_first_run` remembered; return whether it did."""
        try:
            self._first_run(profile_id).unlink()
        except OSError:
            return False
        return True

    def has_no_tables(self) -> bool:
        """Whether no service has made its tables here."""
        return not any(self.path.glob("*.sqlite"))

    def is_locked(self) -> bool:
        """Whether a mesh runs on this folder."""
        try:
            descriptor = os.open(self._lock_file, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared, so that two who look do not meet
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _first_run(self, profile_id: str) -> Path:
        return self.path / "run" / f"{quote(profile_id, safe='')}.first"

    @property
    def _lock_file(self) -> Path:
        return self.path / "run" / "lock"

    @property
    def _state(self) -> Path:
        return self.path / "run" / "mesh.json"

    def _make_folders(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        for name, mode in (("run", 0o755), ("logs", 0o755), ("keys", 0o700)):
            (self.path / name).mkdir(mode=mode, exist_ok=True)

    def _take_lock(self) -> None:
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        if not _locked(descriptor):
            os.close(descriptor)
            path, pid = shown(self.path), self.said().get("pid", "?")
            raise FolderRefused(f"another mesh works on {path} (pid {pid}). Stop it: chartly down --data-dir {path}")
        self._lock = descriptor
        self._state.unlink(missing_ok=True)

    def _check_format(self) -> None:
        file = self.path / "format"
        if not file.exists():
            file.write_text(f"{FORMAT}\n")
        found = file.read_text().strip()
        if not found.isdigit() or int(found) > FORMAT:
            raise FolderRefused(
                f"{shown(self.path)} has format {found or 'unknown'}, and this version knows {FORMAT}. Use a newer Chartly"
            )


def _locked(descriptor: int) -> bool:
    """Take the lock; return whether that was possible. A command that just looks whether a mesh runs is waited for."""
    for _ in range(_LOOKS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_SECONDS)
        else:
            return True
    return False


def _make_key(path: Path) -> None:
    if path.exists():
        return
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{generate_secret()}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
