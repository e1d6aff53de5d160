"""What callers of auth can receive beyond the errors that every service has."""

from datetime import datetime

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime.errors import ChartlyError, FieldViolation, InvalidField, Unauthenticated
from grpc import StatusCode


class KeyNotFound(ChartlyError):
    """There is no such key."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_KEY_NOT_FOUND

    def __init__(self, key_id: str) -> None:
        super().__init__(f"there is no key {key_id}; `chartly key list` shows all", key_id=key_id)


class KeyInvalid(Unauthenticated):
    """The key is unknown, revoked or expired; which of these, its sender is not told."""

    def __init__(self) -> None:
        super().__init__("the key is unknown, revoked or expired; use another")


class ExpiryPassed(InvalidField):
    """A new key would have expired already."""

    def __init__(self, now: datetime) -> None:
        super().__init__(
            [FieldViolation("expire_time", f"is not after {now:%Y-%m-%dT%H:%M:%SZ}", "expire_time.future")]
        )
