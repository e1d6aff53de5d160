"""Why an attempt ended without a commit, and whether another may help."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import grpc
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.drone.errors import DroneError, MappingFailed
from chartly.engine import EngineError
from chartly.runtime import ChartlyError, error_of
from grpc import StatusCode

logger = logging.getLogger(__name__)
# What a later attempt may find otherwise.
_TRANSIENT = (
    StatusCode.UNAVAILABLE,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.ABORTED,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.NOT_FOUND,
    StatusCode.INTERNAL,
    StatusCode.UNKNOWN,
)
_LOST = (ErrorReason.ERROR_REASON_LEASE_LOST, ErrorReason.ERROR_REASON_FENCING_TOKEN_STALE)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended: its reason, in words, and whether another may help."""

    reason: ErrorReason.ValueType
    message: str
    retryable: bool

    @property
    def reason_name(self) -> str:
        """Name of the reason, as it travels."""
        return ErrorReason.Name(self.reason)


def as_chartly_error(error: Exception) -> ChartlyError | None:
    """Return an error as one that a caller may receive; None for what is a bug."""
    match error:
        case ChartlyError():
            return error
        case EngineError():
            return MappingFailed(error)
        case grpc.aio.AioRpcError():
            return error_of(error)
    return None


def failure_of(error: Exception) -> Failure:
    """Return how an error ends an attempt. A bug is logged with its stack, and not tried again."""
    match as_chartly_error(error):
        case DroneError() as known:
            return Failure(known.reason, known.message, known.retryable)
        case ChartlyError() as known:
            return Failure(known.reason, known.message, known.code in _TRANSIENT)
    if isinstance(error, OSError):
        reason = ErrorReason.ERROR_REASON_SERVICE_UNAVAILABLE
        return Failure(reason, f"the stage cannot be written: {error.strerror or error}", retryable=True)
    logger.error("an attempt met a bug", exc_info=error)
    return Failure(ErrorReason.ERROR_REASON_BUG, f"a bug of Chartly's: {type(error).__name__}", retryable=False)


def is_lost(error: Exception) -> bool:
    """Return whether an error says that somebody else holds the work by now."""
    return isinstance(error, grpc.aio.AioRpcError) and error_of(error).reason in _LOST
