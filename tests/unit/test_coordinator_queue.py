"""What may become of a work item."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from chartly.coordinator import queue
from chartly.coordinator.errors import LeaseLost, WorkStateRefused
from chartly.coordinator.queue import Failure, Trigger, Work, WorkState

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def a_work(profile_id: str = "nyc-flights", *, trigger_id: str = "load-1", now: datetime = NOW) -> Work:
    return queue.new_work(
        "default", profile_id, profile_version="1.0.0", trigger=Trigger.MANUAL, trigger_id=trigger_id, now=now
    )


def leased(work: Work | None = None, *, now: datetime = NOW) -> Work:
    return queue.lease(work or a_work(), drone_id="d-1", profile_version="1.0.0", now=now, duration=LEASE)


def a_failure(*, retryable: bool = True) -> Failure:
    return Failure(message="no answer", reason="ERROR_REASON_SOURCE_UNAVAILABLE", retryable=retryable)


def test_names_follow_from_the_key_alone() -> None:
    first, again, other = a_work(), a_work(now=NOW + LEASE), a_work(trigger_id="load-2")
    assert (first.work_id, first.run_id, first.work_key) == (again.work_id, again.run_id, again.work_key)
    assert first.work_key != other.work_key
    assert first.work_id == f"w-{first.work_key[:20]}"
    assert first.run_id == f"r-{first.work_key[:20]}"


def test_each_lease_has_the_next_token_and_counts_an_attempt() -> None:
    first = leased()
    second = leased(queue.expire(first, now=NOW + LEASE))
    assert (first.token, first.attempts) == (1, 1)
    assert (second.token, second.attempts) == (2, 2)


def test_a_renewal_moves_the_deadline_and_keeps_progress() -> None:
    later = NOW + timedelta(seconds=20)
    renewed = queue.renew(leased(), 1, progress=b"page 3", paused=False, now=later, duration=LEASE)
    assert renewed.lease_expire_time == later + LEASE
    assert renewed.progress == b"page 3"
    assert renewed.state is WorkState.LEASED


def test_work_is_paused_while_its_source_asks_to_wait() -> None:
    paused = queue.renew(leased(), 1, progress=b"", paused=True, now=NOW, duration=LEASE)
    going = queue.renew(paused, 1, progress=b"", paused=False, now=NOW, duration=LEASE)
    assert (paused.state, going.state) == (WorkState.PAUSED, WorkState.LEASED)


@pytest.mark.parametrize("token", [0, 1, 3])
def test_any_token_but_the_latest_is_refused(token: int) -> None:
    work = leased(queue.expire(leased(), now=NOW))
    with pytest.raises(LeaseLost):
        queue.renew(work, token, progress=b"", paused=False, now=NOW, duration=LEASE)
    with pytest.raises(LeaseLost):
        queue.complete(work, token, log_digest="", now=NOW)
    with pytest.raises(LeaseLost):
        queue.fail(work, token, a_failure(), now=NOW)


def test_a_lease_that_was_taken_back_cannot_be_renewed() -> None:
    with pytest.raises(LeaseLost):
        queue.renew(queue.expire(leased(), now=NOW), 1, progress=b"", paused=False, now=NOW, duration=LEASE)


def test_completing_twice_changes_nothing() -> None:
    done = queue.complete(leased(), 1, log_digest="sha256:1", now=NOW)
    assert done.state is WorkState.SUCCEEDED
    assert done.lease_expire_time is None
    assert queue.complete(done, 1, log_digest="sha256:2", now=NOW + LEASE) == done


def test_a_commit_beats_a_cancellation_and_a_lost_lease() -> None:
    cancelled = queue.cancel(leased(), now=NOW)
    expired = queue.expire(leased(), now=NOW)
    assert queue.complete(cancelled, 1, log_digest="", now=NOW).state is WorkState.SUCCEEDED
    assert queue.complete(expired, 1, log_digest="", now=NOW).state is WorkState.SUCCEEDED


def test_a_transient_failure_is_queued_again_after_a_growing_delay() -> None:
    work, delays = a_work(), []
    for _ in range(4):
        work = queue.fail(leased(work), work.token + 1, a_failure(), now=NOW)
        assert work.state is WorkState.QUEUED
        delays.append(work.available_time - NOW)
    for attempt, delay in enumerate(delays):
        assert queue.FIRST_RETRY * 2**attempt / 2 <= delay <= queue.FIRST_RETRY * 2**attempt
    assert queue.fail(leased(work), 5, a_failure(), now=NOW).state is WorkState.DEAD


def test_a_delay_is_the_same_in_every_run_and_differs_between_items() -> None:
    assert queue.retry_delay(leased()) == queue.retry_delay(leased(now=NOW + LEASE))
    assert queue.retry_delay(leased()) != queue.retry_delay(leased(a_work(trigger_id="load-2")))


def test_a_permanent_failure_is_dead_at_once_and_keeps_its_reason() -> None:
    dead = queue.fail(leased(), 1, a_failure(retryable=False), now=NOW)
    assert (dead.state, dead.reason, dead.end_time) == (WorkState.DEAD, "ERROR_REASON_SOURCE_UNAVAILABLE", NOW)
    assert dead.lease_expire_time is None


def test_failing_twice_changes_nothing() -> None:
    failed = queue.fail(leased(), 1, a_failure(), now=NOW)
    assert queue.fail(failed, 1, a_failure(retryable=False), now=NOW + LEASE) == failed
    dead = queue.fail(leased(), 1, a_failure(retryable=False), now=NOW)
    assert queue.fail(dead, 1, a_failure(), now=NOW) == dead


def test_work_that_committed_cannot_fail() -> None:
    with pytest.raises(LeaseLost):
        queue.fail(queue.complete(leased(), 1, log_digest="", now=NOW), 1, a_failure(), now=NOW)


def test_work_whose_drones_are_lost_again_and_again_is_dead() -> None:
    work = a_work()
    for _ in range(queue.MAX_ATTEMPTS):
        assert work.state is WorkState.QUEUED
        work = queue.expire(leased(work), now=NOW)
    assert (work.state, work.reason) == (WorkState.DEAD, queue.LOST_REASON)


def test_cancelled_work_is_held_until_its_drone_gives_it_up() -> None:
    cancelled = queue.cancel(leased(), now=NOW)
    assert cancelled.state is WorkState.CANCELLED
    assert cancelled.lease_expire_time == NOW + LEASE
    assert queue.renew(cancelled, 1, progress=b"", paused=False, now=NOW, duration=LEASE) == cancelled
    given_up = queue.fail(cancelled, 1, Failure(message="", reason="", retryable=False, log_digest="sha256:1"), now=NOW)
    assert (given_up.state, given_up.lease_expire_time) == (WorkState.CANCELLED, None)
    assert given_up.log_digest == "sha256:1"


def test_work_that_succeeded_cannot_be_cancelled_or_redriven() -> None:
    done = queue.complete(leased(), 1, log_digest="", now=NOW)
    with pytest.raises(WorkStateRefused, match="SUCCEEDED"):
        queue.cancel(done, now=NOW)
    with pytest.raises(WorkStateRefused, match="SUCCEEDED"):
        queue.redrive(done, now=NOW)


def test_redriven_work_has_fresh_attempts_and_its_token_goes_on() -> None:
    dead = queue.fail(leased(), 1, a_failure(retryable=False), now=NOW)
    again = queue.redrive(dead, now=NOW + LEASE)
    assert (again.state, again.attempts, again.token) == (WorkState.QUEUED, 0, 1)
    assert queue.redrive(again, now=NOW) == again
    assert leased(again).token == 2


def test_cancelled_work_that_a_drone_still_holds_cannot_be_redriven() -> None:
    with pytest.raises(WorkStateRefused):
        queue.redrive(queue.cancel(leased(), now=NOW), now=NOW)


def test_the_oldest_available_work_of_a_free_profile_is_next() -> None:
    old = a_work(now=NOW - LEASE)
    newer = a_work("nyc-weather")
    later = a_work("arrow-issues", now=NOW + LEASE)
    assert queue.next_of([later, newer, old], held_profiles=frozenset(), now=NOW) == old
    assert queue.next_of([later, newer, old], held_profiles=frozenset({"nyc-flights"}), now=NOW) == newer
    assert queue.next_of([later], held_profiles=frozenset(), now=NOW) is None
