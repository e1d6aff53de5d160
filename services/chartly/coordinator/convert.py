"""Messages to domain values and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.run.v1 import run_pb2
from chartly.coordinator.clockwork import SILENCE
from chartly.coordinator.leasing import Leased
from chartly.coordinator.previews import Preview
from chartly.coordinator.queue import Failure, Work, WorkState
from chartly.coordinator.store import Drone, WorkFilter
from google.protobuf.timestamp_pb2 import Timestamp


def work_to_proto(work: Work) -> pb.Work:
    """Return a work item as the contract has it."""
    message = pb.Work(
        work_id=work.work_id,
        work_key=work.work_key,
        run_id=work.run_id,
        profile_id=work.profile_id,
        profile_version=work.profile_version,
        state=pb.WorkState.Value(f"WORK_STATE_{work.state}"),
        trigger=run_pb2.Trigger.Value(f"TRIGGER_{work.trigger}"),
        trigger_id=work.trigger_id,
        attempts=work.attempts,
        max_attempts=work.max_attempts,
        drone_id=work.drone_id,
        token=work.token,
        message=work.message,
        reason=work.reason,
        log_digest=work.log_digest,
        sequence=work.sequence,
    )
    if work.progress:
        message.progress.ParseFromString(work.progress)
    for name in ("create_time", "start_time", "end_time", "available_time", "lease_expire_time"):
        set_time(getattr(message, name), getattr(work, name))
    return message


def drone_to_proto(drone: Drone, *, leased_work: int, now: datetime) -> pb.Drone:
    """Return a drone as it is at an instant."""
    message = pb.Drone(
        drone_id=drone.drone_id,
        version=drone.version,
        capacity=drone.capacity,
        status="live" if is_live(drone, now) else "lost",
        leased_work=leased_work,
    )
    set_time(message.create_time, drone.create_time)
    set_time(message.heartbeat_time, drone.heartbeat_time)
    return message


def is_live(drone: Drone, now: datetime) -> bool:
    """Return whether a drone was heard of lately."""
    return now - drone.heartbeat_time < SILENCE


def job_to_proto(job: Preview | Leased | None, *, lease_duration: timedelta) -> pb.LeaseWorkResponse:
    """Return what a drone is to do."""
    match job:
        case Preview():
            preview = pb.Preview(preview_id=job.preview_id, profile=job.profile)
            set_time(preview.expire_time, job.expire_time)
            return pb.LeaseWorkResponse(preview=preview)
        case Leased():
            lease = pb.Lease(
                work=work_to_proto(job.work),
                revision=job.revision,
                token=job.work.token,
                lease_seconds=round(lease_duration.total_seconds()),
            )
            set_time(lease.expire_time, job.work.lease_expire_time)
            return pb.LeaseWorkResponse(lease=lease)
    return pb.LeaseWorkResponse()


def failure_from_proto(request: pb.FailWorkRequest) -> Failure:
    """Return how an attempt failed, with the receipt so far as its progress."""
    progress = pb.Progress(receipt=request.receipt) if request.HasField("receipt") else pb.Progress()
    return Failure(
        message=request.message,
        reason=request.reason,
        retryable=request.retryable,
        progress=progress.SerializeToString(deterministic=True),
        log_digest=request.log_digest,
    )


def filter_from_proto(request: pb.ListWorkRequest) -> WorkFilter:
    """Return which work to list."""
    state = WorkState(pb.WorkState.Name(request.state).removeprefix("WORK_STATE_")) if request.state else None
    return WorkFilter(profile_id=request.profile_id, state=state)


def set_time(field: Timestamp, instant: datetime | None) -> None:
    """Set a field to an instant; None leaves it absent."""
    if instant is not None:
        field.FromDatetime(instant)


def place_of(work: Work) -> dict[str, Any]:
    """Return where a list goes on after a work item, for a page token."""
    return {"time": work.create_time.isoformat(), "work_id": work.work_id}


def place_from(state: dict[str, Any]) -> tuple[datetime, str] | None:
    """Return the place that a page token holds; None for the beginning."""
    return (datetime.fromisoformat(state["time"]).astimezone(UTC), state["work_id"]) if state else None
