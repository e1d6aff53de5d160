"""What the engine refuses. Services pass these on as their own errors; `reason` is what callers see.

EngineError
├── InvalidDocument        a profile or a body with problems, each with its place
├── IncompatibleChange     a revision that the dataset cannot follow
├── FieldsNeedKey          other fields, and no primary key to tell records by
├── UnreadablePage         bytes that are not what the source should send
├── SourceFieldMissing     a field that no record of the first page has
├── ValueRefused           a value that does not fit a field of severity `fail`
└── ReceiptMismatch        counts that do not add up
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a document, and where: line and column count from 1, path is dotted."""

    line: int
    column: int
    path: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.message}"


class EngineError(Exception):
    """What every refusal of the engine is; `metadata` holds the values that the message speaks of."""

    reason: ErrorReason.ValueType = ErrorReason.ERROR_REASON_UNSPECIFIED

    def __init__(self, message: str, /, **metadata: object) -> None:
        super().__init__(message)
        self.metadata = {name: str(value) for name, value in metadata.items()}


class InvalidDocument(EngineError):
    """A document with problems, all of them, in the order of their places."""

    reason = ErrorReason.ERROR_REASON_INVALID_DOCUMENT

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(f"{self.problems[0]}{more}", problems=len(self.problems))


class IncompatibleChange(EngineError):
    """The dataset has rows that the changed profile cannot describe."""

    reason = ErrorReason.ERROR_REASON_INCOMPATIBLE_CHANGE

    def __init__(self, changes: Sequence[str]) -> None:
        self.changes = tuple(changes)
        super().__init__(
            f"{'; '.join(changes)}. The dataset cannot follow; give the profile another profile_id",
            changes="; ".join(changes),
        )


class FieldsNeedKey(EngineError):
    """Without a primary_key a record is known by all its fields, so other fields would double every record."""

    reason = ErrorReason.ERROR_REASON_FIELDS_NEED_KEY

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        super().__init__(
            f"fields changed ({', '.join(fields)}) and there is no primary_key to tell records by; "
            "every record would be delivered again. Give the profile another profile_id",
            fields=", ".join(fields),
        )


class UnreadablePage(EngineError):
    """The bytes are not a page of records: not JSON, no list at records.path, a broken Parquet file."""

    reason = ErrorReason.ERROR_REASON_DATA_CORRUPT


class SourceFieldMissing(EngineError):
    """A field is mapped to a path that no record of the first page has."""

    reason = ErrorReason.ERROR_REASON_SOURCE_FIELD_MISSING


class ValueRefused(EngineError):
    """A value does not fit a field whose severity is `fail`."""

    reason = ErrorReason.ERROR_REASON_VALUE_REFUSED


class ReceiptMismatch(EngineError):
    """extracted is not delivered + deduplicated + quarantined + filtered."""

    reason = ErrorReason.ERROR_REASON_RECEIPT_MISMATCH
