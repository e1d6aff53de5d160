"""What a run is, seen from the two logs that it leaves its marks in: storage's commits and the coordinator's work items.

A commit is the only point of no return, so where there is one it decides; the work item says the rest. The order in which
the two logs are read makes no difference.
"""

from chartly.api.coordinator.v1.coordinator_pb2 import (
    WORK_STATE_CANCELLED,
    WORK_STATE_DEAD,
    WORK_STATE_PAUSED,
    Work,
)
from chartly.api.run.v1.run_pb2 import (
    RUN_STATE_CANCELLED,
    RUN_STATE_FAILED,
    RUN_STATE_PAUSED,
    RUN_STATE_RUNNING,
    Run,
    RunState,
)
from chartly.api.storage.v1.storage_pb2 import Commit

_STATE_OF_WORK = {
    WORK_STATE_PAUSED: RUN_STATE_PAUSED,
    WORK_STATE_DEAD: RUN_STATE_FAILED,
    WORK_STATE_CANCELLED: RUN_STATE_CANCELLED,
}


def run_of(work: Work | None, commit: Commit | None) -> Run:
    """Return the run that a work item and a commit of the same run_id describe; at least one is there.

    Work that has succeeded is RUNNING until its commit has been read.
    """
    run = Run()
    if work is not None:
        _add_work(run, work)
    if commit is not None:
        _add_commit(run, commit)
    return run


def _add_work(run: Run, work: Work) -> None:
    run.run_id, run.profile_id, run.work_id = work.run_id, work.profile_id, work.work_id
    run.profile_version, run.trigger, run.drone_id = work.profile_version, work.trigger, work.drone_id
    run.attempts, run.log_digest = work.attempts, work.log_digest
    run.message, run.reason = work.message, work.reason
    run.state = state_of_work(work)
    run.create_time.CopyFrom(work.create_time)
    for name in ("start_time", "end_time"):
        if work.HasField(name):
            getattr(run, name).CopyFrom(getattr(work, name))
    run.receipt.CopyFrom(work.progress.receipt)
    if run.state == RUN_STATE_PAUSED:
        run.resume_time.CopyFrom(work.progress.resume_time)
        run.message = work.progress.message


def _add_commit(run: Run, commit: Commit) -> None:
    run.run_id, run.profile_id = commit.run_id, commit.revision.profile_id
    run.profile_version, run.trigger, run.drone_id = commit.revision.version, commit.trigger, commit.drone_id
    run.state, run.dataset_version = commit.state, commit.version
    run.attempts = max(run.attempts, 1)
    run.receipt.CopyFrom(commit.receipt)
    run.end_time.CopyFrom(commit.commit_time)
    for name in ("create_time", "start_time"):
        if not run.HasField(name):
            getattr(run, name).CopyFrom(commit.commit_time)
    run.message = run.reason = ""
    run.ClearField("resume_time")


def state_of_work(work: Work) -> RunState.ValueType:
    """Return the state of a run that has not committed."""
    return _STATE_OF_WORK.get(work.state, RUN_STATE_RUNNING)
