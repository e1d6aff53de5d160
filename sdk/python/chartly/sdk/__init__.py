"""The Python SDK of Chartly: `Chartly`, and `AsyncChartly` for asyncio, with the same methods.

    with Chartly("http://localhost:8090") as client:
        for run in client.runs.list(profile_id="nyc-flights"):
            print(run.run_id, run.receipt.delivered)

`aio/` is written by hand; `sync/` is made from it by `make gen`, so that there is one description of both.
"""

from chartly.sdk.aio.client import AsyncChartly
from chartly.sdk.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    ChartlyError,
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Violation,
)
from chartly.sdk.sync.client import Chartly
from chartly.sdk.validation import Problem, Validator

__all__ = [
    "Aborted",
    "AlreadyExists",
    "AsyncChartly",
    "Cancelled",
    "Chartly",
    "ChartlyError",
    "DataLoss",
    "DeadlineExceeded",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "PermissionDenied",
    "Problem",
    "ResourceExhausted",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Validator",
    "Violation",
]
