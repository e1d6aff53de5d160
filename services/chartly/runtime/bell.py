"""A bell that wakes everybody who waits for a change."""

from __future__ import annotations

import asyncio


class Bell:
    """Listen first, look, then wait for the event that `listen` gave: a change in between is not missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """Return an event that the next `ring` sets."""
        return self._event

    def ring(self) -> None:
        """Wake all who listen."""
        self._event.set()
        self._event = asyncio.Event()
