"""When a scheduled profile runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from chartly.coordinator.schedule import Due, due, interval

APPLIED = datetime(2026, 11, 20, 9, 7, 30, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("every", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", QUARTER),
        ("6h", timedelta(hours=6)),
        ("1d", timedelta(days=1)),
    ],
)
def test_an_interval_is_a_number_and_a_unit(every: str, length: timedelta) -> None:
    assert interval(every) == length


def test_the_first_run_is_at_the_moment_the_profile_is_applied() -> None:
    assert due(QUARTER, last_tick=None, applied=APPLIED, now=APPLIED) == Due(APPLIED, APPLIED + QUARTER)


def test_the_next_run_is_an_interval_after_the_last_tick() -> None:
    before = APPLIED + QUARTER - timedelta(microseconds=1)
    assert due(QUARTER, last_tick=APPLIED, applied=APPLIED, now=before) == Due(None, APPLIED + QUARTER)
    at = APPLIED + QUARTER
    assert due(QUARTER, last_tick=APPLIED, applied=APPLIED, now=at) == Due(at, at + QUARTER)


def test_of_missed_ticks_only_the_latest_is_due() -> None:
    now = APPLIED + 3 * QUARTER + timedelta(minutes=1)
    assert due(QUARTER, last_tick=APPLIED, applied=APPLIED, now=now) == Due(
        APPLIED + 3 * QUARTER, APPLIED + 4 * QUARTER
    )


def test_a_later_revision_keeps_the_rhythm() -> None:
    applied_again = APPLIED + timedelta(minutes=5)
    found = due(QUARTER, last_tick=APPLIED, applied=applied_again, now=applied_again)
    assert found == Due(None, APPLIED + QUARTER)
