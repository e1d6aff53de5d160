"""What callers of the registry can receive beyond the errors that every service has.

ChartlyError
├── InvalidText             a document with problems
│   └── InvalidProfile
├── ProfileNotFound, RevisionNotFound
├── ProfileExists           a profile of that name is there
├── RevisionConflict        the profile moved on since the caller read it
└── RevisionRefused         no revision of that kind may follow
    ├── VersionTooLow       the change asks for a higher version
    ├── IncompatibleChange  the dataset cannot hold rows of both
    └── FieldsNeedKey       other fields, and no primary key to tell records by
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.engine import Problem
from chartly.runtime import ChartlyError, FieldViolation
from grpc import StatusCode


class InvalidText(ChartlyError):
    """A document has problems; the violations name them, at most `most`, with their places where it came as a text."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_INVALID_DOCUMENT
    most: ClassVar[int | None] = None

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        texts = [str(problem) if problem.line else problem.message for problem in problems]
        others = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(
            f"{texts[0]}{others}. Nothing was saved.",
            violations=[
                FieldViolation(problem.path, text, problem.reason)
                for problem, text in zip(problems[: self.most], texts, strict=False)
            ],
            problems=len(problems),
        )


class InvalidProfile(InvalidText):
    """A profile has problems."""


class ProfileNotFound(ChartlyError):
    """There is no such profile."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_PROFILE_NOT_FOUND

    def __init__(self, profile_id: str) -> None:
        super().__init__(f"there is no profile {profile_id}; `chartly profile list` shows all", profile_id=profile_id)


class ProfileExists(ChartlyError):
    """There is a profile of that name."""

    code = StatusCode.ALREADY_EXISTS
    reason = ErrorReason.ERROR_REASON_PROFILE_EXISTS

    def __init__(self, profile_id: str) -> None:
        super().__init__(f"there is a profile {profile_id}; update it, or choose another name", profile_id=profile_id)


class RevisionNotFound(ChartlyError):
    """There is no such revision of the profile."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_REVISION_NOT_FOUND

    def __init__(self, profile_id: str, version: str) -> None:
        super().__init__(f"{profile_id} has no revision {version}", profile_id=profile_id, version=version)


class RevisionConflict(ChartlyError):
    """The profile moved on since the caller read it."""

    code = StatusCode.ABORTED
    reason = ErrorReason.ERROR_REASON_REVISION_CONFLICT

    def __init__(self, profile_id: str, *, base_revision: int, latest_revision: int) -> None:
        super().__init__(
            f"{profile_id} is at revision {latest_revision}, not {base_revision}; read it and retry",
            profile_id=profile_id,
            base_revision=base_revision,
            latest_revision=latest_revision,
        )


class RevisionRefused(ChartlyError):
    """No revision of that kind may follow; `path` is the part of the profile that it is about."""

    code = StatusCode.FAILED_PRECONDITION
    path = ""


class VersionTooLow(RevisionRefused):
    """The version is below the smallest that the change allows."""

    reason = ErrorReason.ERROR_REASON_VERSION_TOO_LOW
    path = "version"

    def __init__(self, version: str, *, smallest: str, changes: Sequence[str]) -> None:
        because = f" ({'; '.join(changes)})" if changes else ""
        super().__init__(
            f"version {version} is too low; the smallest that may follow is {smallest}{because}",
            version=version,
            smallest=smallest,
        )


class IncompatibleChange(RevisionRefused):
    """The dataset cannot hold rows of both revisions."""

    reason = ErrorReason.ERROR_REASON_INCOMPATIBLE_CHANGE

    def __init__(self, profile_id: str, changes: Sequence[str]) -> None:
        change = "; ".join(changes)
        super().__init__(
            f"{change}: the dataset {profile_id} cannot hold both; give the profile another profile_id",
            profile_id=profile_id,
            change=change,
        )


class FieldsNeedKey(RevisionRefused):
    """Without a primary key, a change of fields would make every row new."""

    reason = ErrorReason.ERROR_REASON_FIELDS_NEED_KEY
    path = "primary_key"

    def __init__(self, profile_id: str, fields: Sequence[str]) -> None:
        names = ", ".join(fields)
        super().__init__(
            f"fields changed ({names}), and {profile_id} has no primary_key to tell records by, so every record would be "
            "delivered again; give the profile another profile_id",
            profile_id=profile_id,
            fields=names,
        )
