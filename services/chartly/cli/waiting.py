"""Waiting for signals: that a child ended, or that somebody asks to stop."""

from __future__ import annotations

import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

STOPPING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
WATCHED = STOPPING | {signal.SIGCHLD}


class Signals:
    """The watched signals, while the block runs; they interrupt nothing and wait to be asked for."""

    def __enter__(self) -> Self:
        self._asked, self._told = socket.socketpair()
        for end in (self._asked, self._told):
            end.setblocking(False)
        for number in WATCHED:
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        forget()
        self._asked.close()
        self._told.close()

    def wait(self, seconds: float) -> bool:
        """Wait for a signal; return whether one of those that came asks to stop."""
        if not select.select([self._asked], [], [], max(seconds, 0.0))[0]:
            return False
        return bool(STOPPING.intersection(self._asked.recv(4096)))


def forget() -> None:
    """Treat the watched signals as any process does."""
    signal.set_wakeup_fd(-1)
    for number in WATCHED:
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold the watched signals back during the block, so that a fork's child is sent none before it is itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
