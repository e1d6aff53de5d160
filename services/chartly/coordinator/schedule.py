"""When a scheduled profile runs: at the moment it is applied, then every interval after its last tick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Due:
    """The tick that is due now, if any, and when the next one comes."""

    tick: datetime | None
    next_time: datetime


def interval(every: str) -> timedelta:
    """Return the length of an interval such as `90s`, `15m`, `6h` or `1d`."""
    return timedelta(**{_UNITS[every[-1]]: int(every[:-1])})


def due(every: timedelta, *, last_tick: datetime | None, applied: datetime, now: datetime) -> Due:
    """Return what is due. Of several ticks that passed while nobody looked only the latest is.

    Args:
        every: interval between two ticks, at least a second.
        last_tick: the last tick that was seen to; None before the first.
        applied: when the profile was applied, which is its first tick.
        now: the instant to decide for.
    """
    first = applied if last_tick is None else last_tick + every
    if first > now:
        return Due(None, first)
    tick = first + (now - first) // every * every
    return Due(tick, tick + every)
