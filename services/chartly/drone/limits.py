"""The bounds of a run: what its profile sets, with the defaults filled in, and the pace of its requests."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from chartly.api.profile.v1 import profile_pb2

DEFAULT_MAX_PAGES = 10_000
DEFAULT_TIMEOUT_SECONDS = 30.0
NO_LIMIT = 1 << 62
_MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run; `requests_per_minute` 0 is none."""

    requests_per_minute: int
    concurrency: int
    max_pages: int
    max_bytes: int
    timeout_seconds: float

    @classmethod
    def of(cls, rule: profile_pb2.Limits) -> Limits:
        """Return the bounds that a profile sets."""
        return cls(
            requests_per_minute=rule.requests_per_minute,
            concurrency=rule.concurrency or 1,
            max_pages=rule.max_pages or DEFAULT_MAX_PAGES,
            max_bytes=rule.max_bytes or NO_LIMIT,
            timeout_seconds=_seconds(rule.timeout) if rule.timeout else DEFAULT_TIMEOUT_SECONDS,
        )


class Pace:
    """Lets requests go, no more of them in any minute than a run may send, and none before a pause is over."""

    def __init__(self, requests_per_minute: int) -> None:
        self._most = requests_per_minute
        self._sent: deque[float] = deque(maxlen=requests_per_minute or 1)
        self._resume = 0.0

    def pause(self, seconds: float) -> None:
        """Hold all requests for a time."""
        self._resume = max(self._resume, _clock() + seconds)

    async def turn(self) -> None:
        """Return when the next request may go."""
        if (wait := self._free_at() - _clock()) > 0:
            await asyncio.sleep(wait)
            await self.turn()
        else:
            self._sent.append(_clock())

    def _free_at(self) -> float:
        is_full = self._most and len(self._sent) == self._most
        return max(self._resume, self._sent[0] + _MINUTE_SECONDS) if is_full else self._resume


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _seconds(text: str) -> float:
    return int(text[:-1]) * {"s": 1.0, "m": 60.0}[text[-1]]
