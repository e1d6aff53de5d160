"""Numbers, durations and paths as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from chartly.api.coordinator.v1.coordinator_pb2 import WorkState
from chartly.api.run.v1.run_pb2 import Receipt
from chartly.cli.text import ago, duration, instant, number, receipt_line, short, shown, word
from google.protobuf.timestamp_pb2 import Timestamp


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (999, "999"), (1000, "1 000"), (336776, "336 776")])
def test_numbers_are_grouped_by_a_plain_space(value: int, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (9.96, "10.0 s"),
        (41, "41 s"),
        (60, "1 m"),
        (530, "8 m 50 s"),
        (7500, "2 h 5 m"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_clock_that_runs_behind_gives_no_negative_age() -> None:
    time = Timestamp()
    time.FromDatetime(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert ago(time, datetime(2026, 1, 1, tzinfo=UTC)) == "0.0 s ago"
    assert ago(Timestamp(), datetime(2026, 1, 1, tzinfo=UTC)) == ""


def test_an_enum_is_shown_without_its_prefix() -> None:
    assert word(WorkState, WorkState.WORK_STATE_QUEUED) == "QUEUED"


def test_a_receipt_is_shown_as_the_sum_that_it_is() -> None:
    receipt = Receipt(extracted=48760, delivered=48749, deduplicated=9, quarantined=2)
    assert receipt_line(receipt) == "extracted 48 760 = delivered 48 749 + deduplicated 9 + quarantined 2 + filtered 0"


def test_instants_digests_and_paths_are_shown_short() -> None:
    assert instant(datetime(2026, 11, 20, 9, 12, 30, tzinfo=UTC)) == "2026-11-20 09:12 UTC"
    assert short(f"sha256:{'7c1e09ab33f1'}{'0' * 52}") == "sha256:7c1e09ab33f1"
    assert shown(Path(".chartly")) == "./.chartly"
    assert shown(Path("/var/lib/chartly")) == "/var/lib/chartly"
    assert shown(Path("../data")) == "../data"
