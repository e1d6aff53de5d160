"""Keeps the processes of a mesh running, until a signal says to stop; then drains them.

One thread and no event loop: the parent forks again whenever a process ends, and a fork copies neither.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException

from chartly.cli.processes import Process, trim
from chartly.cli.waiting import Signals

DRAIN_SECONDS = 4.5
READY_SECONDS = 60.0
_TICK_SECONDS = 0.02
_PATIENT_SECONDS = 5.0


class StartFailed(Exception):
    """The mesh did not become ready; the message says which process ended and what it said last."""


class Supervisor:
    """The processes of one mesh.

    Args:
        processes: in the order in which they start, Envoy first.
        port: of the edge.
        ready: called once, when the mesh first says that it is healthy.
        say: called with each sentence about a process that ended.
        changed: called when a process has another pid.
    """

    def __init__(
        self,
        processes: Sequence[Process],
        *,
        port: int,
        ready: Callable[[], None],
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self._processes = processes
        self._port = port
        self._on_ready = ready
        self._say = say
        self._changed = changed
        self._signals = Signals()
        self._is_ready = False
        self._began = time.monotonic()

    def run(self, import_common: Callable[[], None]) -> None:
        """Start everything and keep it running until SIGTERM, SIGINT or SIGHUP; then drain, within five seconds.

        Args:
            import_common: what the forked processes are to share; Envoy, which does not, starts first.

        Raises:
            StartFailed: a process ended before the mesh was ready, or it was not ready in time; nothing is left running.
        """
        with self._signals:
            try:
                self._start_all(import_common)
                self._changed()
                while not self._asked_to_stop():
                    self._tick()
            finally:
                self._drain()

    def _start_all(self, import_common: Callable[[], None]) -> None:
        envoy, *forked = self._processes
        envoy.start()
        gc.disable()  # imports make much that stays and nothing to collect
        import_common()
        gc.freeze()  # the collector would write to every object, and so unshare its page
        for process in forked:
            process.start()
        gc.enable()

    def _tick(self) -> None:
        self._reap()
        for process in self._processes:
            trim(process.log)
        now = time.monotonic()
        due = [process for process in self._processes if not process.pid and process.due <= now]
        for process in due:
            process.start()
        if due:
            self._changed()
        if not self._is_ready:
            self._look_whether_ready()

    def _asked_to_stop(self) -> bool:
        waits = [process.due - time.monotonic() for process in self._processes if not process.pid]
        return self._signals.wait(min([_PATIENT_SECONDS if self._is_ready else _TICK_SECONDS, *waits]))

    def _reap(self) -> None:
        for process, code in self._ended():
            wait = process.ended()
            if not self._is_ready:
                raise StartFailed(
                    f"{process.name} ended ({_how(code)}) before the mesh was ready: {process.last_words() or process.log}"
                )
            self._say(f"{process.name} ended ({_how(code)}); it starts again in {wait:g} s. Its log: {process.log}")

    def _ended(self) -> list[tuple[Process, int]]:
        by_pid = {process.pid: process for process in self._processes if process.pid}
        ended = []
        while by_pid:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if process := by_pid.pop(pid, None):
                ended.append((process, os.waitstatus_to_exitcode(status)))
        return ended

    def _look_whether_ready(self) -> None:
        if is_healthy(self._port):
            self._is_ready = True
            self._on_ready()
        elif time.monotonic() - self._began > READY_SECONDS:
            raise StartFailed(
                f"the mesh was not ready after {READY_SECONDS:g} s; its logs: {self._processes[0].log.parent}"
            )

    def _drain(self) -> None:
        """Ask all but Envoy to end, then Envoy, which passes on their last answers; what is left after that is killed."""
        deadline = time.monotonic() + DRAIN_SECONDS
        envoy, *others = self._processes
        self._end(others, signal.SIGTERM, deadline - 0.5)
        self._end([envoy], signal.SIGTERM, deadline)
        self._end(self._processes, signal.SIGKILL, deadline + 5)

    def _end(self, processes: Sequence[Process], number: signal.Signals, deadline: float) -> None:
        for process in processes:
            process.send(number)
        while any(process.pid for process in processes) and (left := deadline - time.monotonic()) > 0:
            if self._signals.wait(min(left, 0.1)):
                deadline = 0.0  # asked a second time
            for process, _ in self._ended():
                process.pid = 0


def is_healthy(port: int) -> bool:
    """Whether the mesh behind a port of this machine says that all nine services serve."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
