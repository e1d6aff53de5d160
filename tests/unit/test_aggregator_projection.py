"""What a run is, seen from its work item and its commit."""

from typing import Any

from chartly.aggregator.projection import run_of
from chartly.api.coordinator.v1 import coordinator_pb2 as coordinator
from chartly.api.run.v1 import run_pb2 as run
from chartly.api.storage.v1.storage_pb2 import Commit, ProfileRevision


def a_work(state: coordinator.WorkState.ValueType = coordinator.WORK_STATE_LEASED, **fields: Any) -> coordinator.Work:
    work = coordinator.Work(work_id="w-1", run_id="r-1", profile_id="nyc", state=state, attempts=2, **fields)
    work.create_time.seconds, work.start_time.seconds = 100, 200
    return work


def a_commit(state: run.RunState.ValueType = run.RUN_STATE_SUCCEEDED) -> Commit:
    receipt = run.Receipt(extracted=3, delivered=2, deduplicated=1)
    commit = Commit(run_id="r-1", version=7, state=state, receipt=receipt, trigger=run.TRIGGER_MANUAL)
    commit.revision.CopyFrom(ProfileRevision(profile_id="nyc", revision=1, version="1.0.0"))
    commit.commit_time.seconds = 300
    return commit


def test_work_without_a_commit_runs_until_it_dies() -> None:
    states = {
        coordinator.WORK_STATE_QUEUED: run.RUN_STATE_RUNNING,
        coordinator.WORK_STATE_LEASED: run.RUN_STATE_RUNNING,
        coordinator.WORK_STATE_PAUSED: run.RUN_STATE_PAUSED,
        coordinator.WORK_STATE_SUCCEEDED: run.RUN_STATE_RUNNING,
        coordinator.WORK_STATE_DEAD: run.RUN_STATE_FAILED,
        coordinator.WORK_STATE_CANCELLED: run.RUN_STATE_CANCELLED,
    }
    assert {state: run_of(a_work(state), None).state for state in states} == states


def test_a_commit_decides_whatever_the_work_item_says() -> None:
    dead = a_work(coordinator.WORK_STATE_DEAD, message="the drone was lost", reason="ERROR_REASON_LEASE_LOST")
    found = run_of(dead, a_commit(run.RUN_STATE_PARTIAL))
    assert (found.state, found.message, found.reason) == (run.RUN_STATE_PARTIAL, "", "")
    assert (found.receipt.delivered, found.dataset_version, found.attempts) == (2, 7, 2)
    assert (found.create_time.seconds, found.start_time.seconds, found.end_time.seconds) == (100, 200, 300)


def test_a_commit_alone_is_a_run_of_one_attempt() -> None:
    found = run_of(None, a_commit())
    assert (found.run_id, found.profile_id, found.profile_version) == ("r-1", "nyc", "1.0.0")
    assert (found.attempts, found.work_id, found.create_time.seconds) == (1, "", 300)


def test_a_paused_run_says_until_when_and_why() -> None:
    work = a_work(coordinator.WORK_STATE_PAUSED)
    work.progress.message = "the source asks to wait"
    work.progress.resume_time.seconds = 400
    found = run_of(work, None)
    assert (found.message, found.resume_time.seconds) == ("the source asks to wait", 400)
