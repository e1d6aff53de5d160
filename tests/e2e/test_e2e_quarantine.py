"""Quarantine and its replay: what waits, what a mended profile brings home, and that no record is counted twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from http_source import Reply, http_source
from rest import CSV, NDJSON, Rest, a_profile, a_record


def mended(profile: dict[str, Any], field: str, **changes: Any) -> dict[str, Any]:
    """The profile with a field of it changed."""
    profile = json.loads(json.dumps(profile))
    group = "dims" if field in profile["dims"] else "measures"
    profile[group][field] |= changes
    return profile


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def counts(run: Any) -> tuple[int, ...]:
    """extracted, delivered, deduplicated, quarantined, filtered"""
    receipt = run["receipt"]
    return tuple(int(receipt[key]) for key in ("extracted", "delivered", "deduplicated", "quarantined", "filtered"))


def test_a_replay_by_the_revision_that_refused_the_records_does_nothing(rest: Rest) -> None:
    name = rest.create(a_profile("replay-same"))
    rest.upload(name, lines(a_record(1), a_record(2, x="T")), NDJSON)
    before = rest.state_of(name)
    assert rest.post("/api/quarantine:replay", {"profile_id": name}) == {}
    assert rest.state_of(name) == before
    assert rest.post("/api/quarantine:replay", {"profile_id": rest.create(a_profile("replay-none"))}) == {}


def test_a_replay_delivers_what_the_mended_profile_takes_and_keeps_the_rest_open_once(rest: Rest) -> None:
    profile = a_profile("replay-mended")
    name = rest.create(profile)
    records = [a_record(1), a_record(2, x="T"), a_record(3, x="?"), a_record(4, x="T", who="e\u2028\x85 f")]
    first = rest.upload(name, lines(*records), NDJSON)
    assert counts(first) == (4, 1, 0, 3, 0)
    rest.update(mended(profile, "x", replace={"T": "0"}))

    replay = rest.post("/api/quarantine:replay", {"profile_id": name})["run"]
    assert counts(replay) == (3, 2, 0, 1, 0)
    assert (replay["trigger"], replay["state"]) == ("TRIGGER_REPLAY", "RUN_STATE_SUCCEEDED")
    assert replay["receipt"]["replay_of_run_id"] == first["run_id"]
    assert replay["profile_version"] == rest.get(f"/api/profiles/{name}")["version"] != first["profile_version"]
    assert [record["dims"]["who"] for record in rest.records(name)] == ["a", "a", "e\u2028\x85 f"]

    (still_open,) = rest.quarantine(name)
    assert (still_open["run_id"], still_open["page"], still_open["record"]) == (replay["run_id"], "1", "3")
    assert json.loads(still_open["raw"]) == records[2]
    closed = rest.quarantine(name, run_id=first["run_id"], include_replayed=True)
    assert [(record["record"], record["replay_run_id"]) for record in closed] == [
        (number, replay["run_id"]) for number in ("2", "3", "4")
    ]

    before = rest.state_of(name)
    assert rest.post("/api/quarantine:replay", {"profile_id": name}) == {}
    assert rest.post("/api/quarantine:replay", {"profile_id": name, "run_id": first["run_id"]}) == {}
    assert rest.state_of(name) == before

    rest.update(mended(profile, "x", replace={"T": "0", "?": "7"}))
    last = rest.post("/api/quarantine:replay", {"profile_id": name})["run"]
    assert counts(last) == (1, 1, 0, 0, 0)
    assert last["receipt"]["replay_of_run_id"] == replay["run_id"]
    assert rest.quarantine(name) == []


def test_a_replay_of_several_runs_maps_all_of_them_and_one_run_if_asked(rest: Rest) -> None:
    profile = a_profile("replay-two")
    name = rest.create(profile)
    runs = [rest.upload(name, lines(a_record(n, x="T"), a_record(n + 10)), NDJSON) for n in (1, 2, 3)]
    rest.update(mended(profile, "x", replace={"T": "0"}))
    one = rest.post("/api/quarantine:replay", {"profile_id": name, "run_id": runs[1]["run_id"]})["run"]
    assert counts(one) == (1, 1, 0, 0, 0)
    assert one["receipt"]["replay_of_run_id"] == runs[1]["run_id"]
    rest_of_them = rest.post("/api/quarantine:replay", {"profile_id": name})["run"]
    assert counts(rest_of_them) == (2, 2, 0, 0, 0)
    assert rest_of_them["receipt"]["replay_of_run_id"] == ""
    assert len(rest.records(name)) == 6


def test_a_replay_of_rows_that_are_there_deduplicates_them(rest: Rest) -> None:
    profile = a_profile("replay-again")
    name = rest.create(profile)
    rest.upload(name, lines(a_record(1, x="T")), NDJSON)
    rest.update(mended(profile, "x", replace={"T": "0"}))
    rest.upload(name, lines(a_record(1, x=0)), NDJSON)
    assert counts(rest.post("/api/quarantine:replay", {"profile_id": name})["run"]) == (1, 0, 1, 0, 0)


def test_replays_at_once_deliver_each_record_once(rest: Rest) -> None:
    profile = a_profile("replay-race")
    name = rest.create(profile)
    runs = [rest.upload(name, lines(a_record(n, x="T"), a_record(n, x="?")), NDJSON) for n in (1, 2)]
    rest.update(mended(profile, "x", replace={"T": "0"}))
    bodies = [{"profile_id": name}, *({"profile_id": name, "run_id": run["run_id"]} for run in runs)] * 2
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda body: rest.post("/api/quarantine:replay", body), bodies))
    replays = {answer["run"]["run_id"]: counts(answer["run"]) for answer in answers if answer}
    assert [sum(column) for column in zip(*replays.values(), strict=True)] == [4, 2, 0, 2, 0]
    assert len(rest.quarantine(name)) == 2
    assert len(rest.records(name)) == 2


@pytest.mark.parametrize("row", ["2026-01-01T00:00:00Z,1,a", "2026-01-01T00:00:00Z,1,a,1.25,2,9"])
def test_a_line_that_is_no_record_stays_open_once_however_often_it_is_replayed(rest: Rest, row: str) -> None:
    profile = a_profile(f"replay-ragged-{len(row)}")
    name = rest.create(profile)
    rest.upload(name, f"at,n,who,price,x\n{row}\n", CSV)
    raw = rest.quarantine(name)[0]["raw"]
    for maximum in (10, 20):
        rest.update(mended(profile, "x", maximum=maximum))
        assert counts(rest.post("/api/quarantine:replay", {"profile_id": name})["run"]) == (1, 0, 0, 1, 0)
        (still_open,) = rest.quarantine(name)
        assert (still_open["page"], still_open["record"], still_open["raw"]) == ("1", "1", raw)


def test_a_replay_keeps_the_page_and_the_raw_digest_of_a_drones_run(rest: Rest) -> None:
    with http_source() as source:
        profile = a_profile("replay-pages", source=source.profile_source("/rows", pagination={"page_number": {}}))
        for page, records in enumerate([[a_record(1)], [a_record(2), a_record(3, x="T")], []], start=1):
            source.replies[f"/rows?page={page}"] = Reply(json.dumps(records).encode())
        name = rest.create(profile)
        run = rest.run(name)
        raw_page = source.replies["/rows?page=2"].body
    assert counts(run) == (3, 2, 0, 1, 0)
    (before,) = rest.quarantine(name)
    assert (before["run_id"], before["page"], before["record"]) == (run["run_id"], "2", "2")
    assert rest.http.get(f"/api/artifacts/{before['raw_digest']}").content == raw_page
    rest.update(mended(profile, "x", maximum=9))
    replay = rest.post("/api/quarantine:replay", {"profile_id": name})["run"]
    (after,) = rest.quarantine(name)
    assert after["run_id"] == replay["run_id"]
    same = ("page", "record", "raw", "raw_digest", "errors")
    assert [after[key] for key in same] == [before[key] for key in same]


def test_the_list_pages_through_all_and_says_how_many_there_are(rest: Rest) -> None:
    name = rest.create(a_profile("quarantine-pages"))
    first = rest.upload(name, lines(*(a_record(n, x="?") for n in range(5))), NDJSON)
    second = rest.upload(name, lines(*(a_record(n, x="?") for n in range(7))), NDJSON)
    pages = list(rest.pages("/api/quarantine", "records", profile_id=name, page_size=5))
    assert [len(page) for page in pages] == [5, 5, 2]
    ids = [record["quarantine_id"] for page in pages for record in page]
    assert len(set(ids)) == 12
    assert [record["run_id"] for page in pages for record in page] == [first["run_id"]] * 5 + [second["run_id"]] * 7
    asked = {"profile_id": name, "run_id": first["run_id"], "page_size": 2}
    answer = rest.get("/api/quarantine", **asked)
    assert (answer["total_size"], len(answer["records"])) == ("5", 2)
    refused = rest.refused("GET", "/api/quarantine", params={"page_token": answer["next_page_token"]})
    assert refused[:2] == (400, "INVALID_PAGE_TOKEN")
    assert refused.fields == ["page_token"]


def test_a_page_of_large_records_ends_early_and_the_next_goes_on(rest: Rest) -> None:
    name = rest.create(a_profile("quarantine-large"))
    rest.upload(name, lines(*(a_record(n, x="?", note="z" * 700_000) for n in range(8))), NDJSON)
    pages = list(rest.pages("/api/quarantine", "records", profile_id=name))
    assert len(pages) > 1
    assert [record["record"] for page in pages for record in page] == [str(n + 1) for n in range(8)]


def test_a_replay_of_no_profile_no_run_or_without_a_key_is_refused(rest: Rest, mesh: Any) -> None:
    path = "/api/quarantine:replay"
    assert rest.refused("POST", path, json={"profile_id": "nowhere"})[:2] == (404, "PROFILE_NOT_FOUND")
    name = rest.create(a_profile("replay-refused"))
    assert rest.refused("POST", path, json={"profile_id": name, "run_id": "r-0"})[:2] == (404, "RUN_NOT_FOUND")
    refused = rest.refused("POST", path, json={})
    assert (refused[:2], refused.fields) == ((400, "INVALID_FIELD"), ["profile_id"])
    with mesh.client(key="") as anonymous:
        assert Rest(anonymous).refused("POST", path, json={"profile_id": name})[:2] == (403, "PERMISSION_MISSING")
