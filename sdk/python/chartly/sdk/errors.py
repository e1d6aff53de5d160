"""What a call can fail with, as one tree.

ChartlyError
├── Aborted              the resource moved on since it was read
├── AlreadyExists        the name is taken, or the request id came with another request
├── Cancelled            the call was cancelled
├── DataLoss             an answer was cut, or stored bytes are damaged
├── DeadlineExceeded     the call took longer than it may
├── FailedPrecondition   the state of things does not allow it
├── Internal             a bug of Chartly's
├── InvalidArgument      the request breaks a rule; `violations` say which fields
├── NotFound             there is no such thing
├── PermissionDenied     the key's roles do not allow it
├── ResourceExhausted    the body is too large
├── Unauthenticated      no key, or one that is not valid
├── Unavailable          nobody answers, after all attempts
└── Unimplemented        the mesh is older than this SDK
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar, cast

from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

_STATUS_KEY = "grpc-status-details-bin"
_Detail = TypeVar("_Detail", bound=Message)


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that breaks a rule.

    field: its path in the request or document, as in `profile.limits.max_pages`.
    description: what is wrong, and what is right.
    reason: a word for programs, as in `string.min_len`; empty if there is none.
    """

    field: str
    description: str
    reason: str = ""


@dataclass(eq=False)
class ChartlyError(Exception):
    """A call failed.

    message: what happened and what to do next, in a sentence.
    reason: name of the `ErrorReason`, as in `ERROR_REASON_PROFILE_NOT_FOUND`; empty where the mesh was not reached.
    metadata: the values of the message by name.
    violations: the fields that break rules.
    request_id: name of the call in the logs and the ledger of the mesh.
    code: name of the gRPC code, as in `NOT_FOUND`.
    """

    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    request_id: str = ""
    code: str = ""
    _code: ClassVar[str] = "UNKNOWN"

    def __post_init__(self) -> None:
        self.code = self.code or self._code
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class Aborted(ChartlyError):
    """The resource moved on since it was read: read it and try again."""

    _code = "ABORTED"


class AlreadyExists(ChartlyError):
    """The name is taken, or the request id came with another request."""

    _code = "ALREADY_EXISTS"


class Cancelled(ChartlyError):
    """The call was cancelled."""

    _code = "CANCELLED"


class DataLoss(ChartlyError):
    """An answer was cut, or stored bytes are damaged."""

    _code = "DATA_LOSS"


class DeadlineExceeded(ChartlyError):
    """The call took longer than it may."""

    _code = "DEADLINE_EXCEEDED"


class FailedPrecondition(ChartlyError):
    """The state of things does not allow it."""

    _code = "FAILED_PRECONDITION"


class Internal(ChartlyError):
    """A bug of Chartly's; its log names the request id."""

    _code = "INTERNAL"


class InvalidArgument(ChartlyError):
    """The request breaks a rule; `violations` say which fields."""

    _code = "INVALID_ARGUMENT"


class NotFound(ChartlyError):
    """There is no such thing."""

    _code = "NOT_FOUND"


class PermissionDenied(ChartlyError):
    """The key's roles do not allow it."""

    _code = "PERMISSION_DENIED"


class ResourceExhausted(ChartlyError):
    """The body is too large."""

    _code = "RESOURCE_EXHAUSTED"


class Unauthenticated(ChartlyError):
    """No key, or one that is not valid."""

    _code = "UNAUTHENTICATED"


class Unavailable(ChartlyError):
    """Nobody answers, after all attempts."""

    _code = "UNAVAILABLE"


class Unimplemented(ChartlyError):
    """The mesh is older than this SDK."""

    _code = "UNIMPLEMENTED"


_BY_CODE = {kind._code: kind for kind in ChartlyError.__subclasses__()}


def error_of(failure: BaseException, request_id: str) -> ChartlyError:
    """Return what an error of gRPC, of either of its stacks, says."""
    call = cast(Any, failure)
    code, trailers = call.code(), dict(call.trailing_metadata() or ())
    if isinstance(details := trailers.get(_STATUS_KEY), bytes):
        return error_of_status(status_pb2.Status.FromString(details), request_id)
    return _error(code.name, call.details() or code.name, request_id=request_id)


def error_of_status(status: status_pb2.Status, request_id: str) -> ChartlyError:
    """Return what a status says."""
    info, fields = _detail(status, error_details_pb2.ErrorInfo), _detail(status, error_details_pb2.BadRequest)
    # The type stubs of googleapis-common-protos are older than the field `reason`.
    violations = [Violation(v.field, v.description, getattr(v, "reason", "")) for v in fields.field_violations]
    return _error(
        code_pb2.Code.Name(cast(Any, status.code)),
        status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=violations,
        request_id=request_id,
    )


def _error(code: str, message: str, **fields: Any) -> ChartlyError:
    return _BY_CODE.get(code, ChartlyError)(message, code=code, **fields)


def _detail(status: status_pb2.Status, kind: type[_Detail]) -> _Detail:
    found = kind()
    for detail in status.details:
        detail.Unpack(found)
    return found
