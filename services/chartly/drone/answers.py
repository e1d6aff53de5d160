"""What an answer of a source says: its format, whether it has records, whether to wait, and whether it refuses."""

from __future__ import annotations

import re
import urllib.parse
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath

from chartly.drone.errors import SourceAnswerInvalid, SourceRefused, SourceUnavailable
from chartly.drone.fetching import Answer
from chartly.drone.source import Format

_PAUSING = (429, 503)
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


def pause_seconds(answer: Answer) -> float | None:
    """Return how long an answer asks to wait before the next request; None if it does not."""
    if answer.status not in _PAUSING:
        return None
    return retry_after_seconds(answer.headers.get("retry-after", ""), now=_now_of(answer))


def _now_of(answer: Answer) -> datetime:
    """Return the source's own clock where it states it, so that a clock that is wrong does not matter."""
    with suppress(ValueError, TypeError):
        stated = parsedate_to_datetime(answer.headers.get("date", ""))
        return stated.replace(tzinfo=stated.tzinfo or UTC)
    return datetime.now(UTC)


def check_status(answer: Answer) -> None:
    """Pass an answer that has what was asked for.

    Raises:
        SourceUnavailable: another request may help.
        SourceRefused: none will.
    """
    if 200 <= answer.status < 300:
        return
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise SourceUnavailable(answer.host, f"answered {answer.status} {answer.phrase}".rstrip())
    raise SourceRefused(answer.host, answer.status, answer.phrase)


def _beginning(body: bytes) -> str:
    return repr(body[:60].decode(errors="replace"))
