"""What may become of a work item: one state machine, as functions from a work item to the next.

    QUEUED ──lease──▶ LEASED ⇄ PAUSED ──complete──▶ SUCCEEDED
       ▲                 │ fail, expire
       └──── retryable ──┴── else ──▶ DEAD          any of these but SUCCEEDED ──cancel──▶ CANCELLED
       ▲                                                          DEAD, CANCELLED ──redrive──▶ QUEUED

A work item is held while its lease has not run out, also after it was cancelled and until its drone has given it up. Each
lease has a fencing token that is one above the last, and whatever a drone says carries it: who holds an older one is told
that the lease is lost. Slots and the rule of one run a profile follow from the leases; nothing is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chartly.coordinator.errors import LeaseLost, WorkStateRefused
from chartly.engine import work_keys

MAX_ATTEMPTS = 5
FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=5)
LOST_REASON = "ERROR_REASON_LEASE_LOST"


class WorkState(StrEnum):
    """Where a work item stands; the words of the contract without their prefix."""

    QUEUED = "QUEUED"
    LEASED = "LEASED"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"


class Trigger(StrEnum):
    """What queued a work item."""

    SCHEDULE = "SCHEDULE"
    MANUAL = "MANUAL"


UNDER_WAY = (WorkState.LEASED, WorkState.PAUSED)
UNFINISHED = (WorkState.QUEUED, *UNDER_WAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One work item.

    progress: what the drone said last, as bytes of the contract's message.
    lease_expire_time: None while nobody holds it.
    """

    tenant: str
    work_id: str
    work_key: str
    run_id: str
    profile_id: str
    profile_version: str
    state: WorkState
    trigger: Trigger
    trigger_id: str
    attempts: int = 0
    max_attempts: int = MAX_ATTEMPTS
    drone_id: str = ""
    token: int = 0
    create_time: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    available_time: datetime
    lease_expire_time: datetime | None = None
    progress: bytes = b""
    message: str = ""
    reason: str = ""
    log_digest: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How an attempt ended: what went wrong, whether another may help, and how far it had come."""

    message: str
    reason: str
    retryable: bool
    progress: bytes = b""
    log_digest: str = ""


def new_work(
    tenant: str, profile_id: str, *, profile_version: str, trigger: Trigger, trigger_id: str, now: datetime
) -> Work:
    """Return a new work item; its names follow from its key alone."""
    key = work_keys.work_key(tenant, profile_id, job_type=trigger.lower(), trigger_id=trigger_id)
    return Work(
        tenant=tenant,
        work_id=work_keys.work_id(key),
        work_key=key,
        run_id=work_keys.run_id(key),
        profile_id=profile_id,
        profile_version=profile_version,
        state=WorkState.QUEUED,
        trigger=trigger,
        trigger_id=trigger_id,
        create_time=now,
        available_time=now,
    )


def lease(work: Work, *, drone_id: str, profile_version: str, now: datetime, duration: timedelta) -> Work:
    """Return queued work as a drone holds it: a new attempt under a new token."""
    return replace(
        work,
        state=WorkState.LEASED,
        drone_id=drone_id,
        profile_version=profile_version,
        token=work.token + 1,
        attempts=work.attempts + 1,
        start_time=now,
        end_time=None,
        lease_expire_time=now + duration,
        progress=b"",
        message="",
        reason="",
        log_digest="",
    )


def renew(work: Work, token: int, *, progress: bytes, paused: bool, now: datetime, duration: timedelta) -> Work:
    """Return held work with a longer lease; cancelled work as it is.

    Raises:
        LeaseLost: the token is not the latest, or the work is no longer held.
    """
    _check_token(work, token)
    if work.state is WorkState.CANCELLED:
        return work
    if work.state not in UNDER_WAY:
        raise LeaseLost(work.work_id, token=token, latest_token=work.token)
    state = WorkState.PAUSED if paused else WorkState.LEASED
    return replace(work, state=state, progress=progress, lease_expire_time=now + duration)


def complete(work: Work, token: int, *, log_digest: str, now: datetime) -> Work:
    """Return work whose run has committed under this token, whatever was thought of it before; repeating changes nothing.

    Raises:
        LeaseLost: the token is not the latest.
    """
    _check_token(work, token)
    if work.state is WorkState.SUCCEEDED:
        return work
    return _ended(replace(work, log_digest=log_digest, message="", reason=""), WorkState.SUCCEEDED, now)


def fail(work: Work, token: int, failure: Failure, *, now: datetime) -> Work:
    """Return work after an attempt that failed: queued again after a delay, or dead; repeating changes nothing.

    Cancelled work stays so and keeps how far it came.

    Raises:
        LeaseLost: the token is not the latest, or the run has committed.
    """
    _check_token(work, token)
    match work.state:
        case WorkState.SUCCEEDED:
            raise LeaseLost(work.work_id, token=token, latest_token=work.token)
        case WorkState.QUEUED | WorkState.DEAD:
            return work
    progress = failure.progress or work.progress
    if work.state is WorkState.CANCELLED:
        return replace(work, lease_expire_time=None, progress=progress, log_digest=failure.log_digest)
    found = replace(
        work, message=failure.message, reason=failure.reason, progress=progress, log_digest=failure.log_digest
    )
    if failure.retryable and work.attempts < work.max_attempts:
        return _requeued(found, available_time=now + retry_delay(work))
    return _ended(found, WorkState.DEAD, now)


def expire(work: Work, *, now: datetime) -> Work:
    """Return work whose drone was lost: queued again at once, or dead when its attempts are used up.

    Cancelled work stays so and is held no longer.
    """
    if work.state is WorkState.CANCELLED:
        return replace(work, lease_expire_time=None)
    lost = replace(work, message=f"drone {work.drone_id} was lost during attempt {work.attempts}", reason=LOST_REASON)
    if work.attempts < work.max_attempts:
        return _requeued(lost, available_time=now)
    return _ended(lost, WorkState.DEAD, now)


def cancel(work: Work, *, now: datetime, message: str = "") -> Work:
    """Return cancelled work; a drone that holds it keeps its lease until it gives up.

    Raises:
        WorkStateRefused: it has succeeded.
    """
    if work.state is WorkState.CANCELLED:
        return work
    if work.state is WorkState.SUCCEEDED:
        raise WorkStateRefused(work.work_id, state=work.state, verb="cancelled")
    return replace(work, state=WorkState.CANCELLED, end_time=now, message=message, reason="ERROR_REASON_CANCELLED")


def redrive(work: Work, *, now: datetime) -> Work:
    """Return dead or cancelled work queued again with fresh attempts; queued work as it is.

    Raises:
        WorkStateRefused: it is under way, has succeeded, or was cancelled and its drone has yet to give it up.
    """
    if work.state is WorkState.QUEUED:
        return work
    if work.state not in (WorkState.DEAD, WorkState.CANCELLED) or work.lease_expire_time is not None:
        raise WorkStateRefused(work.work_id, state=work.state, verb="redriven")
    return replace(_requeued(work, available_time=now), attempts=0)


def next_of(queued: Iterable[Work], *, held_profiles: frozenset[str], now: datetime) -> Work | None:
    """Return what to lease next: the oldest available work of a profile of which nothing is held."""
    ready = (w for w in queued if w.available_time <= now and w.profile_id not in held_profiles)
    return min(ready, key=lambda w: (w.create_time, w.work_id), default=None)


def retry_delay(work: Work) -> timedelta:
    """Return how long work waits after its latest attempt: twice as long each time, less up to half, by its key."""
    longest: timedelta = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(work.attempts - 1, 16))
    digest = hashlib.sha256(f"{work.work_key}\n{work.attempts}".encode()).digest()
    return longest * (0.5 + 0.5 * int.from_bytes(digest[:4]) / 2**32)


def _check_token(work: Work, token: int) -> None:
    if token != work.token:
        raise LeaseLost(work.work_id, token=token, latest_token=work.token)


def _requeued(work: Work, *, available_time: datetime) -> Work:
    return replace(work, state=WorkState.QUEUED, available_time=available_time, lease_expire_time=None, end_time=None)


def _ended(work: Work, state: WorkState, now: datetime) -> Work:
    return replace(work, state=state, end_time=now, lease_expire_time=None)
