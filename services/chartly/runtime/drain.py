"""The end of a server: new calls are refused, streams that follow changes end at once, other calls have a little time."""

from __future__ import annotations

import asyncio
from typing import Any

from chartly.runtime.call import Call
from chartly.runtime.errors import Draining
from chartly.runtime.interceptors import Proceed


class Drain:
    """The calls that are being served, and whether the server is about to stop.

    event: set when the server is about to stop.
    """

    def __init__(self, service: str) -> None:
        self.event = asyncio.Event()
        self._service = service
        self._serving: set[asyncio.Task[Any]] = set()
        self._following: set[asyncio.Task[Any]] = set()

    async def admitted(self, call: Call, proceed: Proceed) -> None:
        """Serve the call, unless the server is about to stop; end a stream that follows changes when it is."""
        if self.event.is_set():
            raise Draining(self._service)
        task = asyncio.current_task()
        assert task is not None
        tasks = self._following if call.contract.follows else self._serving
        tasks.add(task)
        try:
            await proceed()
        except asyncio.CancelledError:
            if task in self._following and self.event.is_set():
                task.uncancel()
                raise Draining(self._service) from None
            raise
        finally:
            tasks.discard(task)

    async def run(self, seconds: float) -> None:
        """Begin to drain; return when no call is served any more, after `seconds` at the latest."""
        self.event.set()
        following, serving = set(self._following), set(self._serving)
        for task in following:
            task.cancel()
        if calls := following | serving:
            await asyncio.wait(calls, timeout=seconds)
