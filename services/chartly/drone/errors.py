"""What can go wrong between a source and its dataset; each is the reason of a failed run, and of a failed preview's answer.

DroneError
├── PathNotAllowed          a path outside the allowed roots, or in the data folder
├── SourceFileNotFound      no such file
├── UnsupportedFormat       a file or an answer of a format that no drone reads
├── DataCorrupt             a file or an answer that is cut short or damaged
├── AddressRefused          an address of a range that drones refuse to fetch
├── SecretNotDeclared       a secret that the operator has not declared
├── SecretNotForHost        a secret that is declared for other hosts
├── SourceUnavailable       no answer, or not in time                               (another attempt may help)
├── SourceRefused           an answer that refuses the request
├── SourceAnswerInvalid     an answer that is not what it should be
├── PageRepeated            a page equal to an earlier one
└── MappingFailed           what the engine refuses, under the engine's own reason
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.engine import EngineError
from chartly.runtime import ChartlyError, FieldViolation
from grpc import StatusCode


class DroneError(ChartlyError):
    """A run or preview cannot go on. `retryable` says whether another attempt may help."""

    code = StatusCode.FAILED_PRECONDITION
    retryable: ClassVar[bool] = False


class PathNotAllowed(DroneError):
    """The drone may not read that path."""

    code = StatusCode.PERMISSION_DENIED
    reason = ErrorReason.ERROR_REASON_PATH_NOT_ALLOWED

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} {why}", path=path)


class SourceFileNotFound(DroneError):
    """There is no such file."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_FILE_NOT_FOUND

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} {why}", path=path)


class UnsupportedFormat(DroneError):
    """The file's format is none that a drone reads."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_UNSUPPORTED_FORMAT

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} {why}", path=path)


class DataCorrupt(DroneError):
    """The file or answer is cut short or damaged."""

    code = StatusCode.DATA_LOSS
    reason = ErrorReason.ERROR_REASON_DATA_CORRUPT

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} is cut short or damaged: {why}", path=path)


class AddressRefused(DroneError):
    """The address belongs to a range that drones refuse to fetch."""

    code = StatusCode.PERMISSION_DENIED
    reason = ErrorReason.ERROR_REASON_ADDRESS_REFUSED

    def __init__(self, host: str, port: int, *, address: str, range_name: str) -> None:
        article = "an" if range_name[0] in "aeiou" else "a"
        what = f"{host} is" if host == address else f"{host} is {address},"
        shown = f"[{host}]" if ":" in host else host
        super().__init__(
            f"{what} {article} {range_name} address, which drones refuse to fetch. "
            f"If you mean it: chartly up --allow-host {shown}:{port}",
            host=host,
            address=address,
            range=range_name,
        )


class SecretNotDeclared(DroneError):
    """The secret is not declared, or its declaration cannot be used; the violations say where the profile refers to it."""

    code = StatusCode.PERMISSION_DENIED
    reason = ErrorReason.ERROR_REASON_SECRET_NOT_DECLARED

    def __init__(self, secret: str, host: str, why: str, *, places: Sequence[str] = ()) -> None:
        text = f"secret {secret} {why} Nothing was fetched."
        violations = [FieldViolation(place, text, "SECRET_NOT_DECLARED") for place in places]
        super().__init__(text, violations=violations, secret=secret, host=host)


class SecretNotForHost(SecretNotDeclared):
    """The secret is declared, but not for this host."""

    reason = ErrorReason.ERROR_REASON_SECRET_NOT_FOR_HOST


class SourceUnavailable(DroneError):
    """The source did not answer, or not in time."""

    code = StatusCode.UNAVAILABLE
    reason = ErrorReason.ERROR_REASON_SOURCE_UNAVAILABLE
    retryable = True

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"{host} {why}", host=host)


class SourceRefused(DroneError):
    """The source refused the request."""

    reason = ErrorReason.ERROR_REASON_SOURCE_REFUSED

    def __init__(self, host: str, status: int, phrase: str) -> None:
        super().__init__(f"{host} refused the request: {status} {phrase}".rstrip(), host=host, status=status)


class SourceAnswerInvalid(DroneError):
    """The answer is not what it should be."""

    reason = ErrorReason.ERROR_REASON_SOURCE_ANSWER_INVALID

    def __init__(self, host: str, why: str, *, content_type: str = "") -> None:
        super().__init__(f"{host} {why}", host=host, content_type=content_type)


class PageRepeated(DroneError):
    """A page is the same as an earlier one, so paging would never end."""

    reason = ErrorReason.ERROR_REASON_PAGE_REPEATED

    def __init__(self, page: int, *, same_as: int, records: int) -> None:
        super().__init__(
            f"page {page} repeats page {same_as}, after {records} records, so paging would never end. "
            "Dataset unchanged. Check source.http_rest.pagination",
            page=page,
            same_as=same_as,
        )


class MappingFailed(DroneError):
    """What the engine refuses, with its own reason."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.metadata = dict(error.metadata)
        self.reason = error.reason  # type: ignore[misc]  # each engine error has a reason of its own
