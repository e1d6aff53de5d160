"""What can keep a query from having an answer."""

from __future__ import annotations

from collections.abc import Iterable

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime import ChartlyError
from chartly.stats.errors import StatisticError
from grpc import StatusCode


class UnknownField(ChartlyError):
    """A dataset has no such field, or one that cannot be used like that."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_UNKNOWN_FIELD

    def __init__(self, profile_id: str, field: str, problem: str, known: Iterable[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(f"{profile_id}: {field} {problem}; there are: {names}", profile_id=profile_id, field=field)


class SeveralRowsPerKey(ChartlyError):
    """An input without a statistic has several rows for a join key."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_SEVERAL_ROWS_PER_KEY

    def __init__(self, profile_id: str, measure: str, *, keys: int, examples: Iterable[str]) -> None:
        super().__init__(
            f"{profile_id} has several rows for {grouped(keys)} join keys, such as {' and '.join(examples)}. "
            f"Say how they become one: a statistic for {measure}, as in mean",
            profile_id=profile_id,
            measure=measure,
            keys=keys,
        )


class JoinEmpty(ChartlyError):
    """The join matched no key."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_JOIN_EMPTY

    def __init__(self, cause: str, *, left_keys: int, right_keys: int) -> None:
        super().__init__(
            f"Join matched 0 of {grouped(left_keys)} keys. {cause}", left_keys=left_keys, right_keys=right_keys
        )


class StatisticUndefined(ChartlyError):
    """A figure has no value."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_STATISTIC_UNDEFINED

    def __init__(self, error: StatisticError) -> None:
        super().__init__(str(error), field=error.column)


def grouped(number: int) -> str:
    """Return a number as people read it, as in 19 486."""
    return f"{number:,}".replace(",", " ")
