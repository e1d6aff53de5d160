"""A process of the mesh: forked from the parent, ended with it, and started again with growing waits when it ends."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chartly.cli.waiting import WATCHED, forget, held_back

FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 1.0, 30.0
# A process that lived that long is taken to be well again.
STABLE_SECONDS = 30.0
LARGE_LOG_BYTES = 10 << 20
_BUG = 70
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


@dataclass(slots=True)
class Process:
    """One process of the mesh.

    body: what it does, after the fork; it may return, raise or replace the process.
    log: file that takes its standard output and error.
    pid: of the running process; 0 while there is none.
    due: when it is to be started again, by the monotonic clock.
    """

    name: str
    body: Callable[[], None]
    log: Path
    pid: int = 0
    due: float = 0.0
    _started: float = field(default=0.0, repr=False)
    _wait_seconds: float = field(default=FIRST_WAIT_SECONDS, repr=False)

    def start(self) -> None:
        """Fork it."""
        self._started = time.monotonic()
        with held_back():
            self.pid = _fork(self)

    def ended(self) -> float:
        """Take note that it has ended; return the seconds until it is to be started again."""
        now = time.monotonic()
        if now - self._started >= STABLE_SECONDS:
            self._wait_seconds = FIRST_WAIT_SECONDS
        wait, self._wait_seconds = self._wait_seconds, min(2 * self._wait_seconds, LAST_WAIT_SECONDS)
        self.pid, self.due = 0, now + wait
        return wait

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.pid:
            os.kill(self.pid, number)

    def last_words(self) -> str:
        """Return the last line of its log; empty without one."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 4096))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


def trim(log: Path) -> None:
    """Move what a large log file holds to `NAME.log.1`, while its process writes to it; a line of that moment may be lost."""
    if log.exists() and log.stat().st_size > LARGE_LOG_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def _fork(process: Process) -> int:
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = _BUG
    try:
        _leave(parent, process)
        process.body()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  # the child ends here, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _leave(parent: int, process: Process) -> None:
    """Become a process of its own: its group, so that Ctrl-C reaches only the parent; its end with the parent; its log."""
    gc.enable()
    os.setpgid(0, 0)
    _end_with(parent, process.name)
    write_to(process.log)
    forget()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)


def _end_with(parent: int, name: str) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_NAME, f"chartly:{name}".encode())
    if os.getppid() != parent:
        os._exit(1)


def write_to(log: Path) -> None:
    """Send standard output and error to the end of a log file from now on, and read nothing."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.close(nothing)
