"""The errors that callers of the coordinator can receive."""

from __future__ import annotations

from collections.abc import Sequence

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.engine import Problem
from chartly.runtime import ChartlyError, FieldViolation
from grpc import StatusCode


class WorkNotFound(ChartlyError):
    """There is no such work item."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_WORK_NOT_FOUND

    def __init__(self, work_id: str) -> None:
        super().__init__(f"there is no work item {work_id}; list them with: chartly work list", work_id=work_id)


class WorkStateRefused(ChartlyError):
    """The work item's state does not allow that."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_WORK_STATE

    def __init__(self, work_id: str, *, state: str, verb: str) -> None:
        super().__init__(f"{work_id} is {state}, so it cannot be {verb} now", work_id=work_id, state=state)


class LeaseLost(ChartlyError):
    """The lease has run out or another drone holds the work."""

    code = StatusCode.ABORTED
    reason = ErrorReason.ERROR_REASON_LEASE_LOST

    def __init__(self, work_id: str, *, token: int, latest_token: int) -> None:
        super().__init__(
            f"the lease on {work_id} with token {token} is lost (the latest is {latest_token}); stop working on it",
            work_id=work_id,
            token=token,
            latest_token=latest_token,
        )


class DroneNotFound(ChartlyError):
    """There is no such drone."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_DRONE_NOT_FOUND

    def __init__(self, drone_id: str) -> None:
        super().__init__(f"there is no drone {drone_id}; it has to register first", drone_id=drone_id)


class NoDrone(ChartlyError):
    """No drone took the preview in time."""

    code = StatusCode.UNAVAILABLE
    reason = ErrorReason.ERROR_REASON_NO_DRONE

    def __init__(self, waited_seconds: float) -> None:
        super().__init__(
            f"no drone answered within {waited_seconds:.0f} s; see: chartly status",
            waited_seconds=round(waited_seconds),
        )


class InvalidProfile(ChartlyError):
    """A profile to preview has problems; the violations name each, with line and column where it came as a document."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_INVALID_DOCUMENT

    def __init__(self, texts: Sequence[str], problems: Sequence[Problem]) -> None:
        others = f", and {len(texts) - 1} more" if len(texts) > 1 else ""
        found = zip(problems, texts, strict=True)
        super().__init__(
            f"{texts[0]}{others}. Nothing was fetched.",
            violations=[FieldViolation(problem.path, text, problem.reason) for problem, text in found],
            problems=len(texts),
        )
