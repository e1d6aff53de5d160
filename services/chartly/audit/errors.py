"""What callers of audit can receive beyond the errors that every service has."""

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime.errors import ChartlyError
from grpc import StatusCode


class EntryNotFound(ChartlyError):
    """The log has no entry with that index."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_ENTRY_NOT_FOUND

    def __init__(self, index: int) -> None:
        super().__init__(f"the ledger has no entry {index}", index=index)
