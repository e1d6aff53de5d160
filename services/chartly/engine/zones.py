"""Time zones, always of the `tzdata` package: what a machine or a database knows of them differs from one to the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2037, 12, 30, tzinfo=UTC)
_STEP = timedelta(days=1)


class UnknownZone(ValueError):
    """There is no time zone of that name."""


class Period(NamedTuple):
    """Local times, from `start` until `end`, that have one offset from UTC; None where clocks skip or repeat them."""

    start: datetime
    end: datetime
    offset: timedelta | None


@lru_cache
def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        UnknownZone: there is none.
    """
    if name not in _names():
        raise UnknownZone(name)
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache
def periods(name: str) -> tuple[Period, ...]:
    """Return the periods of a time zone that cover the years 1970 to 2037, in their order."""
    found, start, at = [], _FIRST.replace(tzinfo=None), _FIRST
    while (change := _next_change(zone(name), at)) is not None:
        before, after = _offset(zone(name), change - timedelta(seconds=1)), _offset(zone(name), change)
        low, high = (change.replace(tzinfo=None) + offset for offset in sorted((before, after)))
        found += [Period(start, low, before), Period(low, high, None)]
        start, at = high, change
    return (*found, Period(start, _LAST.replace(tzinfo=None), _offset(zone(name), at)))


@lru_cache
def _names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


def _next_change(info: ZoneInfo, at: datetime) -> datetime | None:
    """Return the first instant after another, to the second, from which on the zone has another offset."""
    offset, later = _offset(info, at), at + _STEP
    while _offset(info, later) == offset:
        later += _STEP
        if later > _LAST:
            return None
    earlier = later - _STEP
    while later - earlier > timedelta(seconds=1):
        middle = earlier + timedelta(seconds=int((later - earlier).total_seconds()) // 2)
        earlier, later = (middle, later) if _offset(info, middle) == offset else (earlier, middle)
    return later


def _offset(info: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(info).utcoffset() or timedelta()
