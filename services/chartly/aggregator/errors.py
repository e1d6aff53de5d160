"""The errors that a caller of the aggregator can receive."""

from collections.abc import Iterator
from contextlib import contextmanager

from chartly.api.errors.v1 import error_reason_pb2 as reasons
from chartly.engine import EngineError, UnreadablePage
from chartly.runtime import ChartlyError
from grpc import StatusCode


class InvalidFilter(ChartlyError):
    """The filter cannot be read."""

    code = StatusCode.INVALID_ARGUMENT
    reason = reasons.ERROR_REASON_INVALID_FILTER

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(f"the filter cannot be read: {problem}", filter=text[:200])


class RunNotFound(ChartlyError):
    """There is no such run."""

    code = StatusCode.NOT_FOUND
    reason = reasons.ERROR_REASON_RUN_NOT_FOUND

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run {run_id}; chartly runs list shows those there are", run_id=run_id)


class RunLogNotFound(ChartlyError):
    """The run has kept no log."""

    code = StatusCode.NOT_FOUND
    reason = reasons.ERROR_REASON_RUN_LOG_NOT_FOUND

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} has kept no log: it has not ended, or no drone ran it", run_id=run_id)


class MalformedBody(ChartlyError):
    """The body cannot be read as what its media type says."""

    code = StatusCode.INVALID_ARGUMENT
    reason = reasons.ERROR_REASON_MALFORMED_BODY

    def __init__(self, content_type: str, problem: str) -> None:
        super().__init__(
            f"the body is no {content_type}: {problem.rstrip('.')}. Nothing was kept.", content_type=content_type
        )


class InvalidSubmission(ChartlyError):
    """The body of a submission is not of the form that is asked for."""

    code = StatusCode.INVALID_ARGUMENT
    reason = reasons.ERROR_REASON_INVALID_DOCUMENT

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}. Nothing was kept.", problems=1)


class NotMapped(ChartlyError):
    """The profile engine refuses the body as a whole; reason and values are its own."""

    code = StatusCode.INVALID_ARGUMENT

    def __init__(self, error: EngineError) -> None:
        super().__init__(f"{error}. Nothing was kept.")
        self.metadata = dict(error.metadata)
        self.reason = error.reason  # type: ignore[misc]  # what its class states for others, each of these has of its own


@contextmanager
def mapping_errors(content_type: str) -> Iterator[None]:
    """Turn what the profile engine raises into what the caller receives."""
    try:
        yield
    except UnreadablePage as error:
        raise MalformedBody(content_type, str(error)) from None
    except EngineError as error:
        raise NotMapped(error) from None
