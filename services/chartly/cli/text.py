"""Numbers, durations, instants and paths as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chartly.api.run.v1.run_pb2 import Receipt
    from google.protobuf.timestamp_pb2 import Timestamp

_MOST_LINES = 100


def number(value: int) -> str:
    """Return a whole number grouped by plain spaces, as in `48 749`."""
    return f"{value:,}".replace(",", " ")


def counted(value: int, noun: str) -> str:
    """Return a number of things, as in `1 page` or `488 pages`."""
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a duration in at most two units, as in `0.4 s`, `41 s`, `8 m 50 s`, `2 h 5 m` or `3 d 4 h`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit} {rest} {small}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def instant(time: datetime) -> str:
    """Return an instant in UTC to the minute, as in `2026-11-20 09:12 UTC`."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def shown(path: Path) -> str:
    """Return a path as it is shown: a relative one begins with `./`."""
    return str(path) if path.is_absolute() or str(path).startswith("..") else f"./{path}"


def short(digest: str) -> str:
    """Return a digest with the first twelve of its digits."""
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}:{digits[:12]}"


class EnumKind(Protocol):
    """A generated enum."""

    def Name(self, number: Any) -> str:  # noqa: N802
        """Return the name of a value."""


def word(kind: EnumKind, value: int) -> str:
    """Return an enum's value as people read it, without its prefix: `QUEUED` for WORK_STATE_QUEUED."""
    prefix = kind.Name(0).removesuffix("UNSPECIFIED")
    return kind.Name(value).removeprefix(prefix)


def ago(time: Timestamp, now: datetime) -> str:
    """Return how long ago an instant was, as in `4 m ago`; empty for none."""
    if not time.ToNanoseconds():
        return ""
    seconds = (now - time.ToDatetime(UTC)).total_seconds()
    return f"{duration(seconds)} ago"


def receipt_line(receipt: Receipt) -> str:
    """Return a receipt as the sum that it is."""
    return (
        f"extracted {number(receipt.extracted)} = delivered {number(receipt.delivered)}"
        f" + deduplicated {number(receipt.deduplicated)} + quarantined {number(receipt.quarantined)}"
        f" + filtered {number(receipt.filtered)}"
    )


def first_lines(lines: Sequence[str], *, total: int = 0) -> list[str]:
    """Return as many lines as somebody reads, and how many more there are.

    Args:
        total: how many there are, if not all of them are given.
    """
    more = max(total, len(lines)) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"and {number(more)} more"] if more > 0 else list(lines)
