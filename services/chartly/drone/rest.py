"""The source `http_rest`: pages of an HTTP API, one after another, each fetched while the one before is mapped."""

from __future__ import annotations

import asyncio
import hashlib
import re
import urllib.parse
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import NamedTuple

from chartly.api.profile.v1 import profile_pb2
from chartly.drone.errors import SourceAnswerInvalid, SourceRefused, SourceUnavailable
from chartly.drone.fetching import Answer, Fetcher, Request, place_of
from chartly.drone.limits import Limits, Pace
from chartly.drone.paging import Seen, Step, paging_of
from chartly.drone.secrets import REFERENCE, Secrets
from chartly.drone.source import MAX_PAGE_BYTES, Format, Source, SourcePage, Watch
from chartly.drone.threads import in_own_thread, in_thread
from google.protobuf.struct_pb2 import Value

TRIES = 4
FIRST_RETRY_SECONDS = 0.5
# A source that asks to wait again and again, or for days, is one that is not there.
MAX_PAUSES = 50
MAX_PAUSE_SECONDS = 86400.0
_PAUSING = (429, 503)
_ACCEPT = "application/json, application/x-ndjson, text/csv;q=0.9, */*;q=0.5"
_FORMATS: dict[str, Format] = {
    "application/json": "json",
    "text/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
    "text/csv": "csv",
    "application/csv": "csv",
}
# What says nothing about the bytes; then the name of the file does.
_VAGUE = ("", "text/plain", "application/octet-stream", "binary/octet-stream")
_SUFFIXES: dict[str, Format] = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv"}
_LIST = re.compile(rb"\s*\[\s*[^\s\]]")
_PRIVATE_HEADERS = ("authorization", "cookie", "proxy-authorization")


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
                if (seconds := _pause_seconds(answer)) is not None:
                    self._pause(answer, seconds)
                    continue
                _check_status(answer)
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


class Requests:
    """Makes the request of a step: parameters, headers and credentials, with secrets filled in for the profile's host."""

    def __init__(self, rule: profile_pb2.HttpRestSource, secrets: Secrets) -> None:
        self._rule = rule
        self._secrets = secrets
        self._place = place_of(rule.url)

    def of(self, step: Step) -> Request:
        """Return the request of a step; a link to another place goes without what is for the profile's host only.

        Raises:
            SecretNotDeclared, SecretNotForHost: a secret cannot be sent there.
        """
        host = self._place.host
        headers: dict[str, str] = {"accept": _ACCEPT, "user-agent": "chartly"}
        private: dict[str, str] = {}
        for name, value in sorted(self._rule.headers.items()):
            is_private = name.lower() in _PRIVATE_HEADERS or REFERENCE.search(value)
            (private if is_private else headers)[name.lower()] = self._secrets.fill(value, host)
        if self._rule.auth.bearer:
            private["authorization"] = f"Bearer {self._secrets.fill(self._rule.auth.bearer, host)}"
        if place_of(step.url) != self._place:
            private = {}
        return Request(step.url if step.is_link else self._url(step, host), headers, private)

    def _url(self, step: Step, host: str) -> str:
        values = {name: self._secrets.fill(_text(value), host) for name, value in sorted(self._rule.params.items())}
        query = urllib.parse.urlencode({**values, **step.params})
        parts = urllib.parse.urlsplit(step.url)
        return parts._replace(query="&".join(filter(None, (parts.query, query))), fragment="").geturl()


def has_records(data: bytes, page_format: Format) -> bool:
    """Return whether a page has records for sure; False says nothing, and it has to be mapped to know."""
    if page_format == "json":
        return _LIST.match(data) is not None
    return page_format == "ndjson" and bool(data) and not data.isspace()


def format_of(answer: Answer) -> Format:
    """Return the format of an answer: what its content type says, else what the name in its URL does.

    Raises:
        SourceAnswerInvalid: it is none that a drone reads, such as a web page.
    """
    body = answer.body or b""
    content_type = answer.content_type
    if not body.strip():
        return "ndjson"
    found = _FORMATS.get(content_type) or ("json" if content_type.endswith("+json") else None)
    if found is None and content_type in _VAGUE:
        found = _SUFFIXES.get(PurePosixPath(urllib.parse.urlsplit(answer.url).path).suffix.lower())
    if found is None or (found != "csv" and body.lstrip()[:1] == b"<"):
        raise SourceAnswerInvalid(
            answer.host,
            f"answers {content_type or 'bytes without a content type'} with status {answer.status}, "
            f"where JSON, NDJSON or CSV is expected; it begins with {_beginning(body)}",
            content_type=content_type,
        )
    return found


def retry_after_seconds(value: str, *, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, at least 0; None if it says nothing (RFC 9110, 10.2.3)."""
    if value.strip().isdecimal():
        return float(value)
    with suppress(ValueError):
        at = parsedate_to_datetime(value)
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
    return None


def _pause_seconds(answer: Answer) -> float | None:
    if answer.status not in _PAUSING:
        return None
    return retry_after_seconds(answer.headers.get("retry-after", ""), now=_now_of(answer))


def _now_of(answer: Answer) -> datetime:
    """Return the source's own clock where it states it, so that a clock that is wrong does not matter."""
    with suppress(ValueError, TypeError):
        stated = parsedate_to_datetime(answer.headers.get("date", ""))
        return stated.replace(tzinfo=stated.tzinfo or UTC)
    return datetime.now(UTC)


def _check_status(answer: Answer) -> None:
    if 200 <= answer.status < 300:
        return
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise SourceUnavailable(answer.host, f"answered {answer.status} {answer.phrase}".rstrip())
    raise SourceRefused(answer.host, answer.status, answer.phrase)


def _text(value: Value) -> str:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "number_value":
            number = value.number_value
            return str(int(number)) if number.is_integer() else repr(number)
    return ""


def _beginning(body: bytes) -> str:
    return repr(body[:60].decode(errors="replace"))
