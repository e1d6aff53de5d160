"""Errors that callers receive, and their way onto the wire and back (AIP-193).

ChartlyError
├── InvalidField            a message breaks a rule of its contract
├── InvalidPageToken        a page token was not made by this list
├── RequestIdReused         a request id came with another request before
├── Unauthenticated         no key, or one that is not valid
├── PermissionMissing       the caller's roles lack the method's permission
├── DeadlineExceeded        the call took longer than it may
├── ServiceUnavailable      a sibling did not answer
├── Draining                the service is about to stop
├── Bug                     anything that is no ChartlyError
├── DataDirReadOnly         the data folder cannot be written
└── RemoteError             what a sibling answered, read back from its status

CannotStart                 why a service refuses to start; it has no caller yet
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple, cast

import grpc
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

DOMAIN = "chartly.dev"
STATUS_KEY = "grpc-status-details-bin"
_REASONS = frozenset(ErrorReason.keys())
# A message travels twice in the trailers, as text and in the status, and that in base64; gRPC refuses trailers of more than 8 KB.
MAX_STATUS_BYTES = 4400
MAX_MESSAGE_BYTES = 900
MAX_VALUE_BYTES = 200


class CannotStart(Exception):
    """A service refuses to start, for a reason that is no bug: its message says what to do."""


class FieldViolation(NamedTuple):
    """One problem of one field.

    field: path of the field in the request, as in `profile.limits.max_pages`.
    description: what is wrong, and what is right.
    reason: a word for programs, as in `string.min_len`; empty if there is none.
    """

    field: str
    description: str
    reason: str = ""


class ChartlyError(Exception):
    """An error that its caller receives as it is: a code, a reason, a message, and values for programs.

    Args:
        message: what happened and what to do next, in a sentence.
        violations: the problems of the request's fields, if it is about these.
        retry_after_seconds: when a retry makes sense, if that is known.
        metadata: the values of the message by name; they reach the caller as text.
    """

    code: ClassVar[StatusCode] = StatusCode.INTERNAL
    reason: ClassVar[ErrorReason.ValueType] = ErrorReason.ERROR_REASON_BUG

    def __init__(
        self,
        message: str,
        /,
        *,
        violations: Sequence[FieldViolation] = (),
        retry_after_seconds: float | None = None,
        **metadata: object,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)
        self.retry_after_seconds = retry_after_seconds
        self.metadata = {name: str(value) for name, value in metadata.items()}


class InvalidField(ChartlyError):
    """A message breaks a rule of its contract."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_INVALID_FIELD

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        first = violations[0]
        others = f", and {len(violations) - 1} more" if len(violations) > 1 else ""
        text = f"{first.field}: {first.description}" if first.field else first.description
        super().__init__(text + others, violations=violations)
        self.metadata["violations"] = str(len(violations))


class InvalidPageToken(ChartlyError):
    """The page token was not made by this list, or was changed."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_INVALID_PAGE_TOKEN

    def __init__(self) -> None:
        super().__init__(
            "page_token is not one that this list gave for these filters; start again without it",
            violations=[FieldViolation("page_token", "not a token of this list")],
        )


class RequestIdReused(ChartlyError):
    """The request id came before, with another request."""

    code = StatusCode.ALREADY_EXISTS
    reason = ErrorReason.ERROR_REASON_REQUEST_ID_REUSED

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request_id {request_id} came with another request before; choose another", request_id=request_id
        )


class Unauthenticated(ChartlyError):
    """The call has no key, or one that is unknown, revoked or expired."""

    code = StatusCode.UNAUTHENTICATED
    reason = ErrorReason.ERROR_REASON_KEY_INVALID


class KeyMissing(Unauthenticated):
    """The method needs a key, and the call has none."""

    reason = ErrorReason.ERROR_REASON_KEY_MISSING

    def __init__(self) -> None:
        super().__init__("this mesh takes no anonymous calls; send `authorization: Bearer chk_…`")


class PermissionMissing(ChartlyError):
    """The caller's roles lack the method's permission."""

    code = StatusCode.PERMISSION_DENIED
    reason = ErrorReason.ERROR_REASON_PERMISSION_MISSING

    def __init__(self, permission: str, *, principal: str) -> None:
        super().__init__(
            f"{principal} lacks the permission {permission}; use a key whose roles have it",
            permission=permission,
            principal=principal,
        )


class DeadlineExceeded(ChartlyError):
    """The call took longer than its method may take."""

    code = StatusCode.DEADLINE_EXCEEDED
    reason = ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED

    def __init__(self, deadline_seconds: float) -> None:
        super().__init__(
            f"the call took longer than {deadline_seconds:g} s; ask for less or set a longer deadline",
            deadline_seconds=f"{deadline_seconds:g}",
        )


class ServiceUnavailable(ChartlyError):
    """A sibling service did not answer."""

    code = StatusCode.UNAVAILABLE
    reason = ErrorReason.ERROR_REASON_SERVICE_UNAVAILABLE

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} does not answer; try again", service=service)


class Draining(ChartlyError):
    """The service is about to stop and takes no new calls; streams that follow changes end with this."""

    code = StatusCode.UNAVAILABLE
    reason = ErrorReason.ERROR_REASON_DRAINING

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} is about to stop; try again", service=service)


class Bug(ChartlyError):
    """Something that is a mistake of Chartly's; the log has its stack under the request id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"a bug of Chartly's; its log names request {request_id}", request_id=request_id)


class DataDirReadOnly(ChartlyError):
    """The data folder cannot be written."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_DATA_DIR_READ_ONLY

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"the data folder {path} cannot be written ({problem}); choose another", path=path)


class RemoteError(ChartlyError):
    """What a sibling answered, with its code, reason, violations and metadata."""

    def __init__(self, code: StatusCode, status: status_pb2.Status) -> None:
        info, bad_request, retry_info = _details(status)
        super().__init__(
            status.message,
            violations=[_violation(v) for v in bad_request.field_violations],
            retry_after_seconds=retry_info.retry_delay.ToTimedelta().total_seconds() or None,
        )
        self.metadata = dict(info.metadata)
        self.code = code  # type: ignore[misc]  # what its class states for others, each of these has of its own
        self.reason = reason_named(info.reason)  # type: ignore[misc]


def reason_named(name: str) -> ErrorReason.ValueType:
    """Return the reason that travels as `name`; ERROR_REASON_UNSPECIFIED for one that this version does not know."""
    return ErrorReason.Value(name) if name in _REASONS else ErrorReason.ERROR_REASON_UNSPECIFIED


def status_of(error: ChartlyError) -> status_pb2.Status:
    """Return the status that travels, at most MAX_STATUS_BYTES long.

    Violations beyond that are left out, and the metadata says in `omitted_violations` how many they are.
    """
    metadata = {name: _cut(value, MAX_VALUE_BYTES) for name, value in error.metadata.items()}
    kept = [v._replace(description=_cut(v.description, MAX_VALUE_BYTES)) for v in error.violations]
    status = _status(error, metadata, kept)
    while status.ByteSize() > MAX_STATUS_BYTES and kept:
        del kept[len(kept) * 3 // 4 :]
        status = _status(error, {**metadata, "omitted_violations": str(len(error.violations) - len(kept))}, kept)
    return status


def error_of(error: grpc.aio.AioRpcError, *, service: str = "") -> ChartlyError:
    """Return a sibling's error with its reason and metadata; one that the wire made is a ServiceUnavailable or keeps its code.

    Args:
        error: what the call raised.
        service: name of the sibling, for the message if nobody answered.
    """
    trailers = dict(cast(Iterable[tuple[str, str | bytes]], error.trailing_metadata() or ()))
    if isinstance(details := trailers.get(STATUS_KEY), bytes):
        return RemoteError(error.code(), status_pb2.Status.FromString(details))
    if error.code() is StatusCode.UNAVAILABLE:
        return ServiceUnavailable(service or "a service")
    return RemoteError(error.code(), status_pb2.Status(message=error.details() or error.code().name))


def _status(error: ChartlyError, metadata: dict[str, str], violations: Iterable[FieldViolation]) -> status_pb2.Status:
    number, _ = error.code.value
    status = status_pb2.Status(code=number, message=_cut(error.message, MAX_MESSAGE_BYTES))
    info = error_details_pb2.ErrorInfo(reason=ErrorReason.Name(error.reason), domain=DOMAIN, metadata=metadata)
    status.details.add().Pack(info)
    bad_request = error_details_pb2.BadRequest()
    for violation in violations:
        bad_request.field_violations.add(**violation._asdict())
    if bad_request.field_violations:
        status.details.add().Pack(bad_request)
    if error.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(error.retry_after_seconds * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def _details(
    status: status_pb2.Status,
) -> tuple[error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo]:
    found = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for message in found:
            detail.Unpack(message)
    return found


def _violation(violation: error_details_pb2.BadRequest.FieldViolation) -> FieldViolation:
    # The type stubs of googleapis-common-protos are older than its field `reason`.
    return FieldViolation(violation.field, violation.description, getattr(violation, "reason", ""))


def _cut(text: str, limit_bytes: int) -> str:
    encoded = text.encode()
    if len(encoded) <= limit_bytes:
        return text
    return encoded[: limit_bytes - 3].decode(errors="ignore") + "…"
