"""Runs, their logs and their figures; how they are followed; and that all of it can be made again from the logs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub
from rest import NDJSON, Rest, a_profile, a_record, until

HEADER = "at,n,who,price,x\n"


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture(scope="module")
def worked(rest: Rest, mesh: Any) -> str:
    """A profile with a run of each kind: a drone's, one that failed, an upload, a submission and a replay."""
    return work_on(rest, mesh.data_dir.parent, "runs-worked")


def work_on(rest: Rest, folder: Path, name: str) -> str:
    profile = a_profile(name)
    rest.create(profile)
    rest.run(name)
    (folder / f"{name}.csv").write_text(HEADER + "2026-01-01T00:01:00Z,1,a,1.25,2\n2026-01-01T00:02:00Z,2,a,1.25,T\n")
    rest.run(name)
    rest.upload(name, lines(a_record(3), a_record(3, x="T")), NDJSON)
    rest.submit(name, a_record(4), a_record(1), drone_id="runs-client")
    profile["measures"]["x"]["replace"] = {"T": "0"}
    rest.update(profile)
    rest.post("/api/quarantine:replay", {"profile_id": name})
    return name


def test_runs_are_listed_newest_first_in_pages_and_by_state(rest: Rest, worked: str) -> None:
    pages = list(rest.pages("/api/runs", "runs", profile_id=worked, page_size=2))
    assert [len(page) for page in pages] == [2, 2, 1]
    runs = [run for page in pages for run in page]
    assert [(run["trigger"].removeprefix("TRIGGER_"), run["state"].removeprefix("RUN_STATE_")) for run in runs] == [
        ("REPLAY", "SUCCEEDED"),
        ("SUBMIT", "SUCCEEDED"),
        ("UPLOAD", "SUCCEEDED"),
        ("MANUAL", "SUCCEEDED"),
        ("MANUAL", "FAILED"),
    ]
    assert [run["create_time"] for run in runs] == sorted((run["create_time"] for run in runs), reverse=True)
    failed = rest.listed("/api/runs", "runs", profile_id=worked, state="RUN_STATE_FAILED")
    assert failed == [runs[-1]]
    assert rest.get("/api/runs", profile_id=worked, state="RUN_STATE_PAUSED")["runs"] == []
    token = rest.get("/api/runs", profile_id=worked, page_size=2)["next_page_token"]
    assert rest.refused("GET", "/api/runs", params={"page_token": token})[:2] == (400, "INVALID_PAGE_TOKEN")


def test_every_receipt_adds_up_and_versions_follow_one_another(rest: Rest, worked: str) -> None:
    runs = rest.listed("/api/runs", "runs", profile_id=worked)
    for run in runs:
        receipt = {key: int(value) for key, value in run["receipt"].items() if key in COUNTS}
        assert receipt["extracted"] == sum(receipt.values()) - receipt["extracted"]
    assert [int(run["dataset_version"]) for run in runs] == [4, 3, 2, 1, 0]
    assert sum(int(run["receipt"]["delivered"]) for run in runs) == len(rest.records(worked)) == 5


COUNTS = ("extracted", "delivered", "deduplicated", "quarantined", "filtered")


def test_a_failed_run_says_why_and_what_next(rest: Rest, worked: str) -> None:
    (failed,) = rest.listed("/api/runs", "runs", profile_id=worked, state="RUN_STATE_FAILED")
    assert failed["reason"] == "ERROR_REASON_FILE_NOT_FOUND"
    assert f"{worked}.csv" in failed["message"]
    assert failed["end_time"] >= failed["start_time"] >= failed["create_time"]


def test_a_drones_run_has_a_log_and_no_other(rest: Rest, worked: str) -> None:
    *brought, succeeded, failed = rest.listed("/api/runs", "runs", profile_id=worked)
    for run in (succeeded, failed):
        answer = rest.http.get(f"/api/runs/{run['run_id']}/logs")
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert [json.loads(line) for line in answer.text.splitlines()]
    for run in brought:
        refused = rest.refused("GET", f"/api/runs/{run['run_id']}/logs")
        assert refused[:2] == (404, "RUN_LOG_NOT_FOUND")


def test_results_tell_what_each_run_brought(rest: Rest, worked: str) -> None:
    results = rest.listed("/api/results", "results", profile_id=worked, page_size=3)
    assert [result["drone_id"] for result in results] == ["", "runs-client", "", "drone-1"]
    counts = [(r["inserted_records"], r["deduped_records"], r["quarantined_records"]) for r in results]
    assert counts == [("2", "0", "0"), ("1", "1", "0"), ("1", "0", "1"), ("1", "0", "1")]
    for result in results:
        run = rest.get(f"/api/runs/{result['run_id']}")
        assert run["end_time"] == result["commit_time"]


def test_the_summary_counts_what_all_profiles_have(rest: Rest, worked: str) -> None:
    summary = rest.get("/api/results/summary")
    assert set(summary) == {"total_records", "total_runs", "profiles", "unique_drones"}
    (mine,) = [profile for profile in summary["profiles"] if profile["profile_id"] == worked]
    replay = rest.get("/api/runs", profile_id=worked)["runs"][0]
    assert mine == {"profile_id": worked, "record_count": "5", "last_run_time": replay["end_time"]}
    assert int(summary["total_records"]) == sum(int(profile["record_count"]) for profile in summary["profiles"])
    committed = rest.listed("/api/results", "results")
    assert int(summary["total_runs"]) == len(committed)
    assert int(summary["unique_drones"]) == len({result["drone_id"] for result in committed} - {""})


def test_a_watch_tells_of_a_run_as_it_comes(rest: Rest, mesh: Any) -> None:
    name = rest.create(a_profile("runs-watched"))
    with grpc.insecure_channel(f"127.0.0.1:{mesh.port}") as channel:
        watch: Any = AggregatorServiceStub(channel).WatchRuns  # type: ignore[arg-type]
        answers = watch(pb.WatchRunsRequest(), timeout=30)
        assert not next(answers).HasField("run")
        brought: list[Any] = []
        bringing = threading.Thread(target=lambda: brought.append(rest.submit(name, a_record(1))))
        bringing.start()
        run = next(answer.run for answer in answers if answer.run.profile_id == name)
        bringing.join()
        assert run.run_id == brought[0]["run_id"]
        answers.cancel()


def test_the_projection_made_again_from_the_logs_is_what_it_was(start_mesh: Callable[..., Any], tmp_path: Path) -> None:
    with start_mesh(tmp_path) as mesh, mesh.client() as client:
        rest = Rest(client)
        for name in ("again-one", "again-two"):
            work_on(rest, tmp_path, name)
        before = seen(rest)
    for file in (tmp_path / ".chartly").glob("aggregator.sqlite*"):
        file.unlink()
    with start_mesh(tmp_path) as mesh, mesh.client() as client:
        rest = Rest(client)
        until(
            lambda: (
                len(rest.listed("/api/runs", "runs")) == 10 and rest.get("/api/results/summary")["total_runs"] == "8"
            )
        )
        assert seen(rest) == before
        # It also goes on where it was: the same body is still taken once, and the same replay does nothing.
        assert rest.submit("again-one", a_record(4), a_record(1), drone_id="runs-client") == {
            "run_id": before["/api/results"][-3]["run_id"],
            **{
                key: before["/api/results"][-3][key]
                for key in ("inserted_records", "deduped_records", "quarantined_records")
            },
        }
        assert rest.post("/api/quarantine:replay", {"profile_id": "again-one"}) == {}
        assert seen(rest) == before


def seen(rest: Rest) -> dict[str, Any]:
    """Return everything that the projection shows."""
    lists = {"/api/runs": "runs", "/api/results": "results", "/api/quarantine": "records"}
    found: dict[str, Any] = {path: rest.listed(path, items, page_size=3) for path, items in lists.items()}
    found["closed"] = rest.listed("/api/quarantine", "records", include_replayed=True)
    return {**found, "summary": rest.get("/api/results/summary")}
