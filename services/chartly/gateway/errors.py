"""The errors that callers of the gateway receive.

ChartlyError
└── MeshNotHealthy    a service does not serve
"""

from __future__ import annotations

from collections.abc import Sequence

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime import ChartlyError
from grpc import StatusCode


class MeshNotHealthy(ChartlyError):
    """At least one of the nine services does not serve."""

    code = StatusCode.UNAVAILABLE
    reason = ErrorReason.ERROR_REASON_SERVICE_UNAVAILABLE

    def __init__(self, services: Sequence[str]) -> None:
        names = ", ".join(services)
        super().__init__(f"{names} {'does' if len(services) == 1 else 'do'} not serve; try again", service=names)
