"""Events, from whoever follows their sources to whoever watches; nothing is kept for those who come later."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

EventName = Literal["run", "drone", "report"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: its name, and the JSON of the message that changed, on one line."""

    name: EventName
    data: str


class Reader:
    """One who watches. `overrun` says that it was too slow: it has missed an event and gets no more."""

    def __init__(self, backlog: int) -> None:
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(backlog)
        self.overrun = False

    async def next(self) -> Event:
        """Return the next event, as soon as there is one."""
        return await self._waiting.get()

    @property
    def has_more(self) -> bool:
        """Whether an event waits."""
        return not self._waiting.empty()

    def offer(self, event: Event) -> None:
        """Put an event behind those that wait, or give the reader up if too many do."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.overrun = True


class Hub:
    """Passes each event to all readers; `backlog` events wait for a reader at most."""

    def __init__(self, backlog: int) -> None:
        self._backlog = backlog
        self._readers: set[Reader] = set()

    def publish(self, event: Event) -> None:
        """Pass an event on."""
        for reader in list(self._readers):
            reader.offer(event)
            if reader.overrun:
                self._readers.discard(reader)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Return a reader of what happens from now on, until the block ends."""
        reader = Reader(self._backlog)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
