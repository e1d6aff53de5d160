"""What callers of the reporter can receive."""

from __future__ import annotations

from collections.abc import Iterable

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.engine import Problem
from chartly.runtime import ChartlyError, FieldViolation
from grpc import StatusCode


class InvalidReport(ChartlyError):
    """The definition has problems."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_INVALID_DOCUMENT

    def __init__(self, problems: Iterable[Problem]) -> None:
        first, *others = problems
        more = f", and {len(others)} more" if others else ""
        super().__init__(
            f"{first}{more}. Nothing was saved.",
            violations=[FieldViolation(each.path, str(each), each.reason) for each in (first, *others)],
            problems=1 + len(others),
        )


class BodyTooLarge(ChartlyError):
    """The body is larger than a definition may be."""

    code = StatusCode.RESOURCE_EXHAUSTED
    reason = ErrorReason.ERROR_REASON_BODY_TOO_LARGE

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"the report has {size_bytes} bytes; at most {limit_bytes} are read. Nothing was saved.",
            size_bytes=size_bytes,
            limit_bytes=limit_bytes,
        )


class UnsupportedMediaType(ChartlyError):
    """The body's media type is neither JSON nor YAML."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_UNSUPPORTED_MEDIA_TYPE

    def __init__(self, content_type: str, expected: Iterable[str]) -> None:
        names = ", ".join(expected)
        super().__init__(
            f"a report cannot be read as {content_type}; send content-type {names}. Nothing was saved.",
            content_type=content_type,
            expected=names,
        )


class RequestIdReused(ChartlyError):
    """The request id was used before, with another definition."""

    code = StatusCode.ALREADY_EXISTS
    reason = ErrorReason.ERROR_REASON_REQUEST_ID_REUSED

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request_id {request_id} was used for another report; take a new one", request_id=request_id)


class ReportNotFound(ChartlyError):
    """There is no such report."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_REPORT_NOT_FOUND

    def __init__(self, report_id: str) -> None:
        super().__init__(f"there is no report {report_id}; the list has them all", report_id=report_id)


class ReportNotReady(ChartlyError):
    """The report has no result to export."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_REPORT_NOT_READY

    def __init__(self, report_id: str, state: str, message: str) -> None:
        cause = f": {message}" if message else "; try again when it is SUCCEEDED"
        super().__init__(f"report {report_id} is {state}{cause}", report_id=report_id, state=state)


class UnknownFormat(ChartlyError):
    """A result cannot be had in that format."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_UNKNOWN_FORMAT

    def __init__(self, wanted: str, known: Iterable[str]) -> None:
        names = ", ".join(known)
        super().__init__(f"a report cannot be had as {wanted}; formats: {names}", format=wanted, formats=names)
