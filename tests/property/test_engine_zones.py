"""Local times become the same instants in columns as one by one, in every time zone; doubtful ones are left to the reference."""

# ruff: noqa: DTZ001  # local times have no zone

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import pairwise

import duckdb
import pyarrow as pa
import pytest
from chartly.engine.time_forms import localized
from chartly.engine.times import read_timestamp
from chartly.engine.values import Unfit
from chartly.engine.zones import UnknownZone, periods, zone
from hypothesis import example, given, settings
from hypothesis import strategies as st

NAMES = resources.files("tzdata").joinpath("zones").read_text().split()
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2099, 1, 1))


def in_columns(name: str, times: list[datetime]) -> list[datetime | None]:
    with duckdb.connect() as connection:
        connection.register("times", pa.table({"local": pa.array(times, pa.timestamp("us"))}))
        return [row[0] for row in connection.execute(f"SELECT {localized('local', name)} FROM times").fetchall()]


def one_by_one(name: str, local: datetime) -> datetime | None:
    try:
        return read_timestamp(local.isoformat(), "", name).replace(tzinfo=None)
    except Unfit:
        return None


def around_changes(name: str) -> list[datetime]:
    moments = [period.start for period in periods(name)[1:]]
    return [moment + timedelta(microseconds=step) for moment in moments for step in (-1, 0, 1)]


@settings(max_examples=40)
@given(st.sampled_from(NAMES), st.lists(TIMES, max_size=20))
@example("Pacific/Apia", [datetime(2011, 12, 30, 12)])
@example("Africa/Casablanca", [])
@example("Australia/Lord_Howe", [])
@example("Europe/Dublin", [])
def test_local_times_are_the_same_instants(name: str, times: list[datetime]) -> None:
    times = times + around_changes(name)
    for local, found in zip(times, in_columns(name, times), strict=True):
        expected = one_by_one(name, local)
        assert found == expected or (found is None and not 1970 < local.year < 2037), local


@pytest.mark.parametrize("name", ["Europe/Rome", "UTC", "America/New_York"])
def test_periods_cover_their_years_without_a_gap(name: str) -> None:
    found = periods(name)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert (found[0].start, found[-1].end) == (datetime(1970, 1, 2), datetime(2037, 12, 30))


def test_clocks_of_rome_change_twice_a_year() -> None:
    doubtful = [(period.start, period.end) for period in periods("Europe/Rome") if period.offset is None]
    assert (datetime(2013, 3, 31, 2), datetime(2013, 3, 31, 3)) in doubtful
    assert (datetime(2013, 10, 27, 2), datetime(2013, 10, 27, 3)) in doubtful


@pytest.mark.parametrize(
    "name", ["", "localtime", "Mars/Olympus", "../UTC", "europe/rome", "posixrules", "/etc/passwd"]
)
def test_other_names_are_no_time_zones(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone(name)


def test_a_zone_is_that_of_the_package() -> None:
    assert datetime(2013, 7, 1, tzinfo=zone("Europe/Rome")).astimezone(UTC) == datetime(2013, 6, 30, 22, tzinfo=UTC)
