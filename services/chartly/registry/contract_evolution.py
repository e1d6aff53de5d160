"""Which revision of a contract may follow which.

A contract says what new revisions keep; its first revision says what its documents are. Versions only rise, by at least
what the change asks for, and a request that says no version takes the smallest. A document equal to the latest adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chartly.contracts import Finding, Layer, Mode, refused, smallest_version
from chartly.contracts.documents import Form, Kind, compare
from chartly.engine import Problem, parse_version
from chartly.registry.contract_errors import ContractIncompatible, ContractVersionTooLow, KindDiffers

FIRST_VERSION = "1.0.0"
MAX_FINDINGS = 1000
"""How many findings are told one by one; a document of ten thousand fields that lost them all says enough by these."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Another contract that a document needs.

    name: how the document names it.
    version: version, tag or digest as it was asked for; of a saved revision the version.
    digest: of the revision; empty before it is looked up.
    """

    name: str
    contract_id: str
    version: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What is said about a contract; its documents do not depend on it."""

    mode: Mode = Mode.BACKWARD
    description: str = ""
    owner: str = ""
    labels: tuple[str, ...] = ()
    deprecation: str = ""


@dataclass(frozen=True, slots=True)
class ContractRevision:
    """A contract as it was saved.

    revision: its number, from 1.
    changes: what changed since the revision before.
    tags: what leads to it now, besides its version and digest.
    """

    contract_id: str
    digest: str
    version: str
    revision: int
    create_time: datetime
    changes: tuple[Finding, ...] = ()
    references: tuple[Reference, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract with its latest revision."""

    contract_id: str
    kind: Kind
    about: About
    latest: ContractRevision
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier revision, as it is compared with."""

    version: str
    form: Form


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a revision is asked to be.

    version: empty for the smallest that the change allows.
    mode: of a contract that is new; None for its default.
    """

    contract_id: str
    version: str = ""
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A document that may become a revision, with references that lead to revisions."""

    wanted: Wanted
    form: Form
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a document would change.

    changes: since the latest revision.
    refused: of all that was compared, what the mode does not allow.
    findings: those since the latest, then what else is refused against earlier ones.
    """

    kind: Kind
    mode: Mode
    changes: tuple[Finding, ...]
    refused: tuple[Finding, ...]
    smallest_version: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Changes since the latest, then what is refused against earlier revisions."""
        changed = set(self.changes)
        return (*self.changes, *(finding for finding in self.refused if finding not in changed))


def tags_of(version: str, *, latest: bool, major: bool, minor: bool) -> tuple[str, ...]:
    """Return what leads to a revision, by whether it is the latest of all, of its major and of its minor version."""
    first, second, _ = parse_version(version)
    tags = (("latest", latest), (f"{first}", major), (f"{first}.{second}", minor))
    return tuple(tag for tag, leads in tags if leads)


def judge(history: Sequence[Earlier], form: Form, mode: Mode) -> Judgement:
    """Return what a document changes, judged by a mode.

    Args:
        history: what the mode compares with, newest first and never empty: the latest revision, or every one.
    """
    compared = [_against(earlier, form) for earlier in history]
    latest = history[0]
    differs = latest.form.digest != form.digest
    return Judgement(
        form.kind,
        mode,
        capped(compared[0]),
        capped([finding for findings in compared for finding in refused(mode, findings)]),
        smallest_version(latest.version, compared[0], differs=differs),
    )


def capped(findings: Sequence[Finding], most: int = MAX_FINDINGS) -> tuple[Finding, ...]:
    """Return at most `most` findings, those that break something before all others, and one for each layer that counts the rest.

    What counts the rest breaks what the rest breaks, so verdicts and what a mode allows are the same as of all.
    """
    if len(findings) <= most:
        return tuple(findings)
    ranked = sorted(findings, key=lambda finding: not finding.breaks)
    return (*ranked[:most], *_rest(ranked[most:]))


def create(draft: Draft, *, create_time: datetime) -> Contract:
    """Return a new contract, whose first revision is a draft."""
    wanted = draft.wanted
    revision = _revision(draft, wanted.version or FIRST_VERSION, 1, create_time)
    about = About(wanted.mode) if wanted.mode else About()
    return Contract(wanted.contract_id, draft.form.kind, about, revision, create_time, create_time)


def check_kind(contract: Contract, form: Form) -> None:
    """Refuse a document that is not what the contract's documents are.

    Raises:
        KindDiffers: it is of another kind.
    """
    if contract.kind is not form.kind:
        raise KindDiffers(contract.contract_id, kind=contract.kind, other=form.kind)


def follow(contract: Contract, judgement: Judgement, draft: Draft, *, create_time: datetime) -> ContractRevision:
    """Return the revision that follows the latest of a contract, whose document differs.

    Args:
        judgement: on the draft, by the contract's mode.

    Raises:
        ContractIncompatible: the mode does not allow the change.
        ContractVersionTooLow: the version is below the smallest that the change allows.
    """
    if judgement.refused:
        raise ContractIncompatible(contract.contract_id, judgement.mode, judgement.refused)
    smallest = judgement.smallest_version
    version = draft.wanted.version or smallest
    if parse_version(version) < parse_version(smallest):
        raise ContractVersionTooLow(contract.contract_id, version, smallest=smallest, changes=judgement.changes)
    return _revision(draft, version, contract.latest.revision + 1, create_time, judgement.changes)


def deprecated(reference: Reference, deprecation: str) -> Problem:
    """Return what to say of a reference to a contract that nobody should use any more."""
    message = f"{reference.name} refers to {reference.contract_id}, which is deprecated: {deprecation}"
    return Problem(0, 0, "references", "REFERENCE_DEPRECATED", message)


def _against(earlier: Earlier, form: Form) -> tuple[Finding, ...]:
    return tuple(replace(finding, against=earlier.version) for finding in compare(earlier.form, form))


def _rest(findings: Sequence[Finding]) -> Iterator[Finding]:
    for layer in Layer:
        left_out = [finding for finding in findings if finding.layer is layer]
        if left_out:
            breaking = sum(finding.breaks for finding in left_out)
            yield Finding(
                layer,
                "MORE_CHANGES",
                "",
                f"{len(left_out)} more changes, {breaking} of which break something, are not told one by one",
                "Make fewer changes at a time." if breaking else "",
                breaks_backward=any(finding.breaks_backward for finding in left_out),
                breaks_forward=any(finding.breaks_forward for finding in left_out),
                against=left_out[0].against,
            )


def _revision(
    draft: Draft, version: str, number: int, create_time: datetime, changes: tuple[Finding, ...] = ()
) -> ContractRevision:
    return ContractRevision(
        draft.wanted.contract_id,
        draft.form.digest,
        version,
        number,
        create_time,
        changes,
        draft.references,
        tags_of(version, latest=True, major=True, minor=True),
    )
