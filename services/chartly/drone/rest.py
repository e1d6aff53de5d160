"""The source `http_rest`: pages of an HTTP API, one after another, each fetched while the one before is mapped."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from chartly.api.profile.v1 import profile_pb2
from chartly.drone.answers import check_status, format_of, has_records, pause_seconds
from chartly.drone.errors import SourceAnswerInvalid, SourceUnavailable
from chartly.drone.fetching import Answer, Fetcher
from chartly.drone.limits import Limits, Pace
from chartly.drone.paging import Seen, Step, paging_of
from chartly.drone.requests import Requests
from chartly.drone.secrets import Secrets
from chartly.drone.source import MAX_PAGE_BYTES, Source, SourcePage, Watch
from chartly.drone.threads import in_own_thread, in_thread

TRIES = 4
FIRST_RETRY_SECONDS = 0.5
# A source that asks to wait again and again, or for days, is one that is not there.
MAX_PAUSES = 50
MAX_PAUSE_SECONDS = 86400.0


class RestSource(Source):
    """The pages of one run."""

    def __init__(self, profile: profile_pb2.Profile, *, fetcher: Fetcher, secrets: Secrets, watch: Watch) -> None:
        super().__init__()
        self._limits = Limits.of(profile.limits)
        self._pace = Pace(self._limits.requests_per_minute)
        self._paging = paging_of(profile.source.http_rest)
        self._requests = Requests(profile.source.http_rest, secrets)
        self._fetcher = fetcher
        self._secrets = secrets
        self._watch = watch
        self._records = self._pauses = 0
        self._ahead: deque[tuple[Step, asyncio.Task[_Fetched | None]]] = deque()

    async def pages(self) -> AsyncGenerator[SourcePage]:
        """Yield pages in their order until the source has no more or a limit is met.

        Raises:
            DroneError: the source cannot be read to its end.
        """
        step: Step | None = self._paging.first()
        try:
            while step is not None:
                if step.number > self._limits.max_pages:
                    self.end_at("max_pages")
                    return
                fetched = await self._taken(step)
                if fetched is None or self.size_bytes + len(fetched.page.data) > self._limits.max_bytes:
                    self.end_at("max_bytes")
                    return
                self.size_bytes += len(fetched.page.data)
                self._look_ahead(step, fetched.seen)
                fetched.page.is_awaited = self._is_awaited(fetched.page)
                yield fetched.page
                step = await self._following(step, fetched)
            self.end_at()
        finally:
            await self._forget_ahead()

    async def _taken(self, step: Step) -> _Fetched | None:
        """Return a page, the one that was fetched ahead if it is that; None where it is larger than what the run may take."""
        if self._ahead and self._ahead[0][0] == step:
            return await self._ahead.popleft()[1]
        await self._forget_ahead()
        return await self._fetched(step)

    def _look_ahead(self, step: Step, seen: Seen | None) -> None:
        if self._ahead:
            step, seen = self._ahead[-1][0], None
        while len(self._ahead) < self._limits.concurrency:
            guessed = self._paging.guess(step, seen)
            if guessed is None or guessed.number > self._limits.max_pages:
                return
            self._ahead.append((guessed, asyncio.create_task(self._fetched(guessed))))
            step, seen = guessed, None

    async def _forget_ahead(self) -> None:
        tasks = [task for _, task in self._ahead]
        self._ahead.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._go_on()

    def _is_awaited(self, page: SourcePage) -> bool:
        match self._paging.needs:
            case "count":
                return True
            case "emptiness":
                return not has_records(page.data, page.format)
        return False

    async def _following(self, step: Step, fetched: _Fetched) -> Step | None:
        records = await fetched.page.counted if fetched.page.is_awaited else 1
        self._records += records
        return self._paging.following(step, replace(fetched.seen, records=records, records_so_far=self._records))

    async def _fetched(self, step: Step) -> _Fetched | None:
        """Fetch a page, as often and as late as it takes."""
        failures = 0
        while True:
            await self._pace.turn()
            try:
                answer = await in_own_thread(self._fetch, step)
                if (seconds := pause_seconds(answer)) is not None:
                    self._pause(answer, seconds)
                    continue
                check_status(answer)
            except SourceUnavailable as problem:
                failures += 1
                if failures == TRIES:
                    raise
                self._watch.note(f"{problem.message}; trying again", page=step.number)
                await asyncio.sleep(FIRST_RETRY_SECONDS * 2 ** (failures - 1))
                continue
            self._go_on()
            return None if answer.body is None else self._page(step, answer, *await in_thread(self._raw, answer))

    def _fetch(self, step: Step) -> Answer:
        left = self._limits.max_bytes - self.size_bytes
        answer = self._fetcher.fetch(
            self._requests.of(step), timeout_seconds=self._limits.timeout_seconds, max_bytes=min(left, MAX_PAGE_BYTES)
        )
        if answer.body is None and left > MAX_PAGE_BYTES:
            raise SourceAnswerInvalid(
                answer.host, f"answers more than {MAX_PAGE_BYTES >> 20} MiB in one page; ask for less"
            )
        return answer

    def _raw(self, answer: Answer) -> tuple[bytes, str]:
        """Return the bytes to map and keep, and their digest."""
        body = self._secrets.redact_bytes(answer.body or b"")
        return body, f"sha256:{hashlib.sha256(body).hexdigest()}"

    def _page(self, step: Step, answer: Answer, body: bytes, digest: str) -> _Fetched:
        page = SourcePage(
            number=step.number,
            data=body,
            format=format_of(answer),
            digest=digest,
            media_type=answer.content_type or "application/octet-stream",
            captured_time=datetime.now(UTC),
        )
        link = ", ".join(answer.headers.get_all("link", []))
        return _Fetched(page, Seen(link_header=link, url=answer.url, body=body))

    def _pause(self, answer: Answer, seconds: float) -> None:
        self._pauses += 1
        if self._pauses > MAX_PAUSES or seconds > MAX_PAUSE_SECONDS:
            raise SourceUnavailable(
                answer.host, f"asks to wait {seconds:.0f} s, for the {self._pauses}th time in a row"
            )
        self._pace.pause(seconds)
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        self._watch.paused(until, f"{answer.host} asks to wait until {until:%H:%M} ({answer.status})")

    def _go_on(self) -> None:
        if self._pauses:
            self._pauses = 0
            self._watch.resumed()


class _Fetched(NamedTuple):
    page: SourcePage
    seen: Seen
