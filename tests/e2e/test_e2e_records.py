"""Reading records: pages of one version whatever is committed meanwhile, filters, windows."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import date, timedelta
from typing import Any

import grpc
import pytest
import rfc8785
from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub
from rest import NDJSON, Rest, a_profile, a_record

LIST = "/api/records"
DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(6)]


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture(scope="module")
def shelf(rest: Rest) -> str:
    """A dataset with a field of each type; every other value of `x` is null."""
    dims: dict[str, Any] = {
        "n": {"type": "integer"},
        "who": {"type": "string"},
        "wet": {"type": "boolean"},
        "day": {"type": "date"},
        "seen": {"type": "timestamp"},
    }
    name = rest.create(a_profile("records-shelf", dims=dims))
    records = [
        a_record(
            n,
            who=f"w-{n}",
            price=n + 0.25,
            x=n * 0.5 if n % 2 else None,
            wet=n % 3 == 0,
            day=DAYS[n].isoformat(),
            seen=f"{DAYS[n]}T12:00:00.5Z",
        )
        for n in range(6)
    ]
    rest.upload(name, lines(*records, a_record(2**60, who='it\'s "so"', at="2026-02-01T00:00:00Z")), NDJSON)
    return name


def numbers(records: list[Any]) -> list[int]:
    return [int(record["dims"]["n"]) for record in records]


def test_a_record_has_its_types_in_json(rest: Rest, shelf: str) -> None:
    record = rest.records(shelf, filter="n = 1")[0]
    assert set(record) == {"record_id", "run_id", "observed_at", "dims", "measures"}
    assert record["dims"] == {
        "day": "2026-01-02",
        "n": 1,
        "seen": "2026-01-02T12:00:00.500Z",
        "wet": False,
        "who": "w-1",
    }
    assert record["measures"] == {"price": "1.25", "x": 0.5}
    # What it is listed as is what its identity is computed from.
    content = {key: record[key] for key in ("dims", "measures", "observed_at")}
    assert record["record_id"] == hashlib.sha256(rfc8785.dumps(content)).hexdigest()


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_pages_of_any_size_hold_every_record_once_in_the_order_of_time(rest: Rest, shelf: str, size: int) -> None:
    pages = list(rest.pages(LIST, "records", profile_id=shelf, page_size=size))
    assert [len(page) for page in pages[:-1]] == [size] * (math.ceil(7 / size) - 1)
    assert numbers([record for page in pages for record in page]) == [0, 1, 2, 3, 4, 5, 2**60]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("n = 1 OR n = 2 AND wet = false", [1, 2]),
        ("(n = 0 AND wet = false) OR n = 3", [3]),
        ("NOT wet = true AND -n = 1", [2, 4, 5, 2**60]),
        ("x = null", [0, 2, 4]),
        ("x != null AND x < 2.5", [1, 3, 2**60]),
        ("price >= 4.25 AND price < 5.25", [4]),
        ("price = 4.250", [4]),
        ("n = 1152921504606846976", [2**60]),
        ("day > 2026-01-05 AND day != null", [5]),
        ("seen <= 2026-01-02T13:00:00.5+01:00", [0, 1]),
        ("observed_at < 2026-01-01T00:02:00Z", [0, 1]),
        ("who = 'it\\'s \"so\"'", [2**60]),
        ('who = "\'; DROP TABLE records; --"', []),
        (f"n < {2**126}", [0, 1, 2, 3, 4, 5, 2**60]),
        ("price < 1e30", [0, 1, 2, 3, 4, 5, 2**60]),
        ("seen > 0001-01-01T00:00:00Z AND seen < 9999-12-31T23:59:59Z", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_filter_decides(rest: Rest, shelf: str, text: str, found: list[int]) -> None:
    assert numbers(rest.records(shelf, filter=text, page_size=2)) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("colour = red", "there is no field 'colour'; there are"),
        ("n = many", "'many' is no integer"),
        (f"n = {2**130}", "is no integer"),
        ("x = 1e400", "'1e400' is no number"),
        ("x > nan", "'nan' is no number"),
        ("price < Infinity", "'Infinity' is no decimal"),
        ("price < 1e99", "'1e99' is no decimal"),
        ("seen > 0001-01-01T00:00:00+14:00", "is no timestamp"),
        ("day = 2026-02-30", "is no date"),
        ("n =", "a value is missing"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(rest: Rest, shelf: str, text: str, problem: str) -> None:
    refused = rest.refused("GET", LIST, params={"profile_id": shelf, "filter": text})
    assert refused[:2] == (400, "INVALID_FILTER")
    assert problem in refused.message
    assert refused.metadata == {"filter": text}


def test_a_window_takes_its_start_and_leaves_its_end(rest: Rest, shelf: str) -> None:
    window = {"window.start_time": "2026-01-01T00:01:00Z", "window.end_time": "2026-01-01T00:04:00Z"}
    assert numbers(rest.records(shelf, **window)) == [1, 2, 3]
    assert numbers(rest.records(shelf, **window, filter="n > 1", page_size=1)) == [2, 3]
    assert numbers(rest.records(shelf, **{"window.start_time": "2026-01-01T00:05:00Z"})) == [5, 2**60]
    backwards = {"window.start_time": "2026-01-02T00:00:00Z", "window.end_time": "2026-01-01T00:00:00Z"}
    refused = rest.refused("GET", LIST, params={"profile_id": shelf, **backwards})
    assert (refused[:2], refused.fields) == ((400, "INVALID_FIELD"), ["window"])


def test_a_window_at_the_end_of_time_is_no_bug(shelf: str, mesh: Any) -> None:
    request = pb.ListRecordsRequest(profile_id=shelf)
    request.window.start_time.seconds = 10**17
    with grpc.insecure_channel(f"127.0.0.1:{mesh.port}") as channel:
        listing: Any = AggregatorServiceStub(channel).ListRecords  # type: ignore[arg-type]
        with pytest.raises(grpc.RpcError) as refused:
            listing(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_pages_are_of_the_version_that_the_first_one_read(rest: Rest) -> None:
    name = rest.create(a_profile("records-version", primary_key=["n"]))
    rest.upload(name, lines(*(a_record(n) for n in range(6))), NDJSON)
    pages = rest.pages(LIST, "records", profile_id=name, page_size=2)
    first = next(pages)
    # A row before the page's end, one after it, and two that are replaced by a merge.
    rest.upload(name, lines(*(a_record(n, x=9) for n in (0, 5, 7)), a_record(-1, at="2025-01-01T00:00:00Z")), NDJSON)
    records = first + [record for page in pages for record in page]
    assert [(record["dims"]["n"], record["measures"]["x"]) for record in records] == [(n, 2) for n in range(6)]
    assert numbers(rest.records(name)) == [-1, 0, 1, 2, 3, 4, 5, 7]


def test_equal_records_of_an_append_are_all_listed_each_with_its_run(rest: Rest) -> None:
    name = rest.create(a_profile("records-equal"))
    first = rest.upload(name, lines(*[a_record(1)] * 3), NDJSON)
    second = rest.upload(name, lines(*[a_record(1)] * 5, a_record(0)), NDJSON)
    assert (second["receipt"]["delivered"], second["receipt"]["deduplicated"]) == ("3", "3")
    listed = [record["run_id"] for page in rest.pages(LIST, "records", profile_id=name, page_size=2) for record in page]
    assert listed[0] == second["run_id"]
    assert sorted(listed[1:]) == sorted([first["run_id"]] * 3 + [second["run_id"]] * 2)


def test_a_page_of_large_records_ends_early_and_the_next_goes_on(rest: Rest) -> None:
    name = rest.create(a_profile("records-large"))
    rest.upload(name, lines(*(a_record(n, who="z" * 700_000) for n in range(8))), NDJSON)
    pages = list(rest.pages(LIST, "records", profile_id=name))
    assert len(pages) > 1
    assert numbers([record for page in pages for record in page]) == list(range(8))


def test_records_of_nothing_and_tokens_of_another_list_are_refused(rest: Rest, shelf: str) -> None:
    assert rest.refused("GET", LIST, params={"profile_id": "nowhere"})[:2] == (404, "DATASET_NOT_FOUND")
    refused = rest.refused("GET", LIST)
    assert (refused[:2], refused.fields) == ((400, "INVALID_FIELD"), ["profile_id"])
    token = rest.get(LIST, profile_id=shelf, page_size=1)["next_page_token"]
    for change in ({"profile_id": "records-equal"}, {"filter": "n > 0"}, {"window.start_time": "2026-01-01T00:00:00Z"}):
        query = {"profile_id": shelf, "page_token": token, **change}
        assert rest.refused("GET", LIST, params=query)[:2] == (400, "INVALID_PAGE_TOKEN")
    query = {"profile_id": shelf, "page_token": token[:-1]}
    assert rest.refused("GET", LIST, params=query)[:2] == (400, "INVALID_PAGE_TOKEN")
