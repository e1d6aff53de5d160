"""The errors that callers of storage receive, beside those of the runtime.

ChartlyError
├── DatasetNotFound, DatasetVersionNotFound
├── FencingTokenStale       a later holder of the work was here
├── ReceiptMismatch         the counts do not add up
├── StagedFileInvalid       a staged file is not what the commit says
├── IncompatibleChange      the dataset cannot hold the rows
├── StageNotFound
├── ArtifactNotFound, ArtifactCorrupt
├── BodyTooLarge
└── UnknownFormat
"""

from __future__ import annotations

from collections.abc import Sequence

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime.errors import ChartlyError
from grpc import StatusCode


class DatasetNotFound(ChartlyError):
    """There is no such dataset."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_DATASET_NOT_FOUND

    def __init__(self, dataset_id: str) -> None:
        super().__init__(
            f"there is no dataset {dataset_id}; a dataset begins with its profile's first run", dataset_id=dataset_id
        )


class DatasetVersionNotFound(ChartlyError):
    """The dataset has no such version, or it is no longer kept."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_DATASET_VERSION_NOT_FOUND

    def __init__(self, dataset_id: str, version: int) -> None:
        super().__init__(
            f"{dataset_id} has no version {version}, or keeps it no longer; list its versions",
            dataset_id=dataset_id,
            version=version,
        )


class FencingTokenStale(ChartlyError):
    """A later holder of the work has staged or committed."""

    code = StatusCode.ABORTED
    reason = ErrorReason.ERROR_REASON_FENCING_TOKEN_STALE

    def __init__(self, work_key: str, *, token: int, latest_token: int) -> None:
        work_id = f"w-{work_key[:20]}"
        super().__init__(
            f"{work_id} is held under token {latest_token}, not {token}; stop working on it",
            work_id=work_id,
            token=token,
            latest_token=latest_token,
        )


class ReceiptMismatch(ChartlyError):
    """The receipt does not add up, so nothing was committed."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_RECEIPT_MISMATCH

    def __init__(self, *, extracted: int, delivered: int, deduplicated: int, quarantined: int, filtered: int) -> None:
        super().__init__(
            f"extracted {extracted} is not delivered {delivered} + deduplicated {deduplicated} + quarantined {quarantined} "
            f"+ filtered {filtered}; nothing was committed",
            extracted=extracted,
            delivered=delivered,
            deduplicated=deduplicated,
            quarantined=quarantined,
            filtered=filtered,
        )


class StagedFileInvalid(ChartlyError):
    """A staged file is missing, is not what the commit says, or does not fit the dataset."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_STAGED_FILE_INVALID

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file} {problem}; stage it again. Nothing was committed", file=file)


class IncompatibleChange(ChartlyError):
    """The dataset cannot hold rows of both revisions."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_INCOMPATIBLE_CHANGE

    def __init__(self, dataset_id: str, *, field: str, held: str, wanted: str) -> None:
        super().__init__(
            f"{field} of {dataset_id} is {held}, so it cannot become {wanted}; rename the field. Nothing was committed",
            profile_id=dataset_id,
            field=field,
            change=f"type {held} -> {wanted}",
        )


class StageNotFound(ChartlyError):
    """There is no such stage, or it has expired."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_STAGE_NOT_FOUND

    def __init__(self, stage_id: str) -> None:
        super().__init__(
            f"there is no stage {stage_id}, or it has expired; open one and stage again", stage_id=stage_id
        )


class ArtifactNotFound(ChartlyError):
    """There is no such artifact."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_ARTIFACT_NOT_FOUND

    def __init__(self, digest: str) -> None:
        super().__init__(f"there is no artifact {digest}", digest=digest)


class ArtifactCorrupt(ChartlyError):
    """What is stored does not have the digest that it is stored under."""

    code = StatusCode.DATA_LOSS
    reason = ErrorReason.ERROR_REASON_ARTIFACT_CORRUPT

    def __init__(self, digest: str) -> None:
        super().__init__(f"artifact {digest} was changed on disk; restore its file from a backup", digest=digest)


class BodyTooLarge(ChartlyError):
    """The body is larger than an artifact may be."""

    code = StatusCode.RESOURCE_EXHAUSTED
    reason = ErrorReason.ERROR_REASON_BODY_TOO_LARGE

    def __init__(self, *, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"the body has at least {size_bytes} bytes and may have {limit_bytes}; nothing was kept",
            size_bytes=size_bytes,
            limit_bytes=limit_bytes,
        )


class UnknownFormat(ChartlyError):
    """A dataset cannot be had in that format."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_UNKNOWN_FORMAT

    def __init__(self, given: str, formats: Sequence[str]) -> None:
        known = ", ".join(formats)
        super().__init__(f"a dataset cannot be had as {given}; formats: {known}", format=given, formats=known)
