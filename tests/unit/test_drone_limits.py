"""Bounds of a run, the pace of its requests, what answers say of time and format, and the run's log."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from http.client import HTTPMessage

import pytest
from chartly.api.profile.v1 import profile_pb2
from chartly.drone import runlog
from chartly.drone.answers import format_of, retry_after_seconds
from chartly.drone.errors import SourceAnswerInvalid
from chartly.drone.fetching import Answer
from chartly.drone.limits import Limits, Pace
from chartly.drone.runlog import RunLog

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def test_limits_have_their_defaults() -> None:
    limits = Limits.of(profile_pb2.Limits())
    assert (limits.concurrency, limits.max_pages, limits.timeout_seconds) == (1, 10_000, 30)
    assert Limits.of(profile_pb2.Limits(timeout="2m", max_bytes=7)).timeout_seconds == 120


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer instead of waiting."""

    offset = 0.0

    def time(self) -> float:
        return super().time() + self.offset

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.offset += max(0.0, self._scheduled[0].when() - self.time())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def test_no_minute_sees_more_requests_than_allowed() -> None:
    async def turns() -> list[float]:
        pace, clock = Pace(3), asyncio.get_running_loop().time
        start, times = clock(), []
        for _ in range(8):
            await pace.turn()
            times.append(clock() - start)
        return times

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        times = runner.run(turns())
    assert [round(time) for time in times] == [0, 0, 0, 60, 60, 60, 120, 120]


def test_a_pause_holds_all_requests() -> None:
    async def wait() -> float:
        pace, clock = Pace(0), asyncio.get_running_loop().time
        start = clock()
        pace.pause(41)
        await asyncio.gather(pace.turn(), pace.turn())
        return clock() - start

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert 41 <= runner.run(wait()) < 42


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Fri, 20 Nov 2026 14:00:41 GMT", 41),
        ("Fri, 20 Nov 2026 13:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds


def an_answer(content_type: str, body: bytes = b"{}", url: str = "https://example.com/data") -> Answer:
    headers = HTTPMessage()
    headers["content-type"] = content_type
    return Answer(url, 200, "OK", headers, body)


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        (an_answer("application/json; charset=utf-8"), "json"),
        (an_answer("application/vnd.github+json"), "json"),
        (an_answer("application/x-ndjson"), "ndjson"),
        (an_answer("text/csv", b"a\n"), "csv"),
        (an_answer("text/plain", b"a\n", "https://example.com/a.csv?x=1"), "csv"),
        (an_answer("application/octet-stream", url="https://example.com/a.jsonl"), "ndjson"),
        (an_answer("text/csv", b"<a>\n"), "csv"),
        (an_answer("text/html", b" \n"), "ndjson"),
    ],
)
def test_the_content_type_says_the_format(answer: Answer, form: str) -> None:
    assert format_of(answer) == form


@pytest.mark.parametrize(
    "answer",
    [
        an_answer("text/html", b"<html>"),
        an_answer("application/json", b" <html>"),
        an_answer("text/plain"),
        an_answer("text/plain", b"<p>", "https://example.com/a.json"),
        an_answer("application/xml", b"<a/>"),
    ],
)
def test_what_is_no_page_of_records_is_refused(answer: Answer) -> None:
    with pytest.raises(SourceAnswerInvalid, match="it begins with"):
        format_of(answer)


def test_a_log_is_redacted_and_capped() -> None:
    log = RunLog(lambda text: text.replace("hidden", "[TOKEN]"))
    log.info("begins", url="https://a/?key=hidden", when=NOW)
    for number in range(20_000):
        log.warning("again", number=number)
    lines = [json.loads(line) for line in log.content().splitlines()]
    assert lines[0]["fields"] == {"url": "https://a/?key=[TOKEN]", "when": str(NOW)}
    assert "more lines were left out" in lines[-1]["message"]
    assert len(log.content()) < runlog.MAX_BYTES + 1000
