"""The wall clock, named once so that tests can hand in another."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current instant with time zone UTC, to the microsecond."""
    return datetime.now(UTC)
