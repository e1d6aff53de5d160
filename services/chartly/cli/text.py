"""Numbers, durations, instants and paths as people read them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path


def number(value: int) -> str:
    """Return a whole number grouped by plain spaces, as in `48 749`."""
    return f"{value:,}".replace(",", " ")


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
