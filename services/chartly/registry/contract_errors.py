"""What callers of contracts can receive beyond the errors that every service has.

ChartlyError
├── InvalidContract             a document with problems
│   └── KindDiffers             it is of another kind than the contract's documents
├── ContractNotFound, ContractRevisionNotFound
├── ContractIncompatible        the contract's mode does not allow the change
├── ContractVersionTooLow       the change asks for a higher version
├── ContractInUse               a profile or another contract refers to it
├── ContractNotExportable       it says what the form cannot carry
├── UnknownFormat               there is no such form
└── ContractNotMet              a profile's fields allow a record that does not meet the contract
"""

from __future__ import annotations

from collections.abc import Sequence

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.contracts import Finding, Mode
from chartly.engine import Problem
from chartly.registry.errors import InvalidText
from chartly.runtime import ChartlyError, FieldViolation
from grpc import StatusCode

MAX_VIOLATIONS = 1000
"""How many problems an error names; it travels in a call's trailing metadata, which has to stay small."""


class InvalidContract(InvalidText):
    """A contract's document has problems; the violations name them, with file, line and column."""

    most = MAX_VIOLATIONS


class KindDiffers(InvalidContract):
    """The document is of another kind than those of its contract."""

    def __init__(self, contract_id: str, *, kind: str, other: str) -> None:
        message = f"{contract_id} holds documents of kind {kind}, and this one is {other}; give it another name"
        super().__init__([Problem(0, 0, "kind", "CONTRACT_KIND_DIFFERS", message)])


class ContractNotFound(ChartlyError):
    """There is no such contract."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_CONTRACT_NOT_FOUND

    def __init__(self, contract_id: str) -> None:
        super().__init__(
            f"there is no contract {contract_id}; `chartly contract list` shows all", contract_id=contract_id
        )


class ContractRevisionNotFound(ChartlyError):
    """The contract has no such revision."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_CONTRACT_REVISION_NOT_FOUND

    def __init__(self, contract_id: str, version: str) -> None:
        super().__init__(
            f"{contract_id} has no revision {version}; `chartly contract revisions {contract_id}` shows all",
            contract_id=contract_id,
            version=version,
        )


class ContractIncompatible(ChartlyError):
    """The contract's mode does not allow the change; the violations name each finding."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_CONTRACT_INCOMPATIBLE

    def __init__(self, contract_id: str, mode: Mode, findings: Sequence[Finding]) -> None:
        first = findings[0]
        others = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        super().__init__(
            f"{contract_id} is kept {mode}, and {first.path}: {first.message}{others}. {first.advice} Nothing was saved.",
            violations=[FieldViolation(each.path, _told(each), each.rule) for each in findings],
            contract_id=contract_id,
            mode=mode,
            findings=len(findings),
        )


class ContractVersionTooLow(ChartlyError):
    """The version is below the smallest that the change allows."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_VERSION_TOO_LOW

    def __init__(self, contract_id: str, version: str, *, smallest: str, changes: Sequence[Finding]) -> None:
        because = f" ({'; '.join(change.message for change in changes[:3])})" if changes else ""
        super().__init__(
            f"version {version} of {contract_id} is too low; the smallest that may follow is {smallest}{because}",
            version=version,
            smallest=smallest,
        )


class ContractInUse(ChartlyError):
    """A profile or another contract refers to the contract."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_CONTRACT_IN_USE

    def __init__(self, contract_id: str, used_by: str) -> None:
        super().__init__(
            f"{used_by} refers to {contract_id}; take that reference out first, or deprecate {contract_id}",
            contract_id=contract_id,
            used_by=used_by,
        )


class ContractNotExportable(ChartlyError):
    """The contract says something that the form cannot carry."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_CONTRACT_NOT_EXPORTABLE

    def __init__(self, contract_id: str, *, form: str, path: str, problem: str) -> None:
        super().__init__(
            f"{contract_id} cannot be written as {form}: {path}: {problem}",
            contract_id=contract_id,
            format=form,
            path=path,
        )


class UnknownFormat(ChartlyError):
    """A contract cannot be had in that form."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_UNKNOWN_FORMAT

    def __init__(self, given: str, formats: Sequence[str]) -> None:
        known = ", ".join(formats)
        super().__init__(f"a contract cannot be had as {given}; formats: {known}", format=given, formats=known)


class ContractNotMet(ChartlyError):
    """The profile's fields allow a record that does not meet the contract that it names."""

    code = StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_CONTRACT_NOT_MET

    def __init__(self, profile_id: str, contract_id: str, version: str, findings: Sequence[Finding]) -> None:
        first = findings[0]
        others = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        super().__init__(
            f"records of {profile_id} may not meet {contract_id} {version}: {first.path}: {first.message}{others}. "
            f"{first.advice} Nothing was saved.",
            violations=[FieldViolation(each.path, _told(each), each.rule) for each in findings],
            profile_id=profile_id,
            contract_id=contract_id,
            version=version,
        )


def _told(finding: Finding) -> str:
    against = f" (against {finding.against})" if finding.against else ""
    return f"{finding.message}{against}. {finding.advice}".strip()
