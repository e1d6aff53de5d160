"""How far an attempt is: the receipt so far, what it does, and until when it waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

from chartly.api.coordinator.v1 import coordinator_pb2
from chartly.api.run.v1 import run_pb2
from chartly.drone.runlog import RunLog


class Progress:
    """What the coordinator is told with each renewal; `news` is set when it should be told at once."""

    def __init__(self, log: RunLog) -> None:
        self.receipt = run_pb2.Receipt()
        self.news = asyncio.Event()
        self._log = log
        self._message = ""
        self._resume_time: datetime | None = None
        self._pause = ""

    def says(self, message: str) -> None:
        """Say in a few words what the attempt does."""
        self._message = message

    def note(self, message: str, **fields: object) -> None:
        """Put a line into the log."""
        self._log.warning(message, **fields)

    def paused(self, until: datetime, why: str) -> None:
        """The source asked to wait."""
        self.receipt.pauses += 1
        self._resume_time, self._pause = until, f"Paused, not failed: {why}."
        self._log.warning(self._pause, resume_time=until.isoformat())
        self.news.set()

    def resumed(self) -> None:
        """The wait is over."""
        self._resume_time = None
        self._log.info("resumed")
        self.news.set()

    async def news_within(self, seconds: float) -> None:
        """Return when there is news, or when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.news.wait()
        self.news.clear()

    def message(self) -> coordinator_pb2.Progress:
        """Return what to tell the coordinator now."""
        message = coordinator_pb2.Progress(receipt=self.receipt, message=self._message)
        if self._resume_time is not None:
            message.message = f"{self._pause} {self.receipt.pages} pages kept; resumes by itself"
            message.resume_time.FromDatetime(self._resume_time)
        return message
