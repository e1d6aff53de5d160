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
