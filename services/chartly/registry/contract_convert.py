"""Messages about contracts to domain values and back."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from chartly.api.registry.v1 import contract_pb2
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.contracts import Mode
from chartly.contracts.documents import Kind, Source, layers_of
from chartly.contracts.report_message import finding_message, mode_value
from chartly.contracts.report_message import report_message as report_message_of
from chartly.engine import Problem
from chartly.registry import contract_evolution as evolution
from chartly.registry.contract_evolution import Contract, ContractRevision, Judgement, Reference, Wanted
from chartly.registry.contract_words import words
from chartly.runtime import FieldViolation
from chartly.runtime.errors import InvalidField
from chartly.runtime.pages import decode_page_token, encode_page_token

_CONTRACTS = "registry.contracts"
# A page has up to a thousand revisions, and an answer 16 MiB.
_MOST_IN_LISTS = 10
_FIELDS = tuple(field.name for field in pb.ContractUpdate.DESCRIPTOR.fields)


def wanted_revision(request: pb.CreateContractRevisionRequest) -> Wanted:
    """Return what a revision is asked to be."""
    return Wanted(request.contract_id, request.version, mode_of(request.compatibility))


def mode_of(value: contract_pb2.CompatibilityMode.ValueType) -> Mode | None:
    """Return a mode; None where none is stated."""
    return Mode(contract_pb2.CompatibilityMode.Name(value).removeprefix("COMPATIBILITY_MODE_")) if value else None


def about_changes(request: pb.UpdateContractRequest) -> dict[str, Any]:
    """Return the fields of `About` that a request changes, and their new values.

    Raises:
        InvalidField: the mask names a field that there is not, or asks for no mode; or nothing is named at all.
    """
    update = request.contract
    paths = list(request.update_mask.paths) or [name for name in _FIELDS if getattr(update, name)]
    known = ", ".join(_FIELDS)
    wrong = [
        FieldViolation("update_mask", f"{path} is no field to change; these are: {known}")
        for path in paths
        if path not in _FIELDS
    ]
    if not paths:
        wrong.append(FieldViolation("contract", f"name what to change: {known}"))
    if "compatibility" in paths and not update.compatibility:
        wrong.append(FieldViolation("contract.compatibility", "say a mode; a contract always has one"))
    if wrong:
        raise InvalidField(wrong)
    values: dict[str, Any] = {name: getattr(update, name) for name in paths}
    if "compatibility" in values:
        values["mode"] = mode_of(values.pop("compatibility"))
    if "labels" in values:
        values["labels"] = tuple(values["labels"])
    return values


def document_message(source: Source, references: Sequence[Reference] = ()) -> contract_pb2.ContractDocument:
    """Return a document as its message."""
    return contract_pb2.ContractDocument(
        kind=kind_value(source.kind),
        files=[contract_pb2.ContractFile(path=path, text=text) for path, text in source.files.items()],
        message=source.message,
        references=map(_reference_message, references),
    )


def kind_value(kind: Kind) -> contract_pb2.ContractKind.ValueType:
    """Return a kind as its enum's value."""
    return contract_pb2.ContractKind.Value(f"CONTRACT_KIND_{kind}")


def contract_message(contract: Contract) -> contract_pb2.Contract:
    """Return a contract as its message."""
    about = contract.about
    message = contract_pb2.Contract(
        contract_id=contract.contract_id,
        kind=kind_value(contract.kind),
        compatibility=mode_value(about.mode),
        description=about.description,
        owner=about.owner,
        labels=about.labels,
        deprecation=about.deprecation,
        latest=revision_message(contract.latest),
    )
    message.create_time.FromDatetime(contract.create_time)
    message.update_time.FromDatetime(contract.update_time)
    return message


def revision_message(revision: ContractRevision, source: Source | None = None) -> contract_pb2.ContractRevision:
    """Return a revision as its message, with the document if it is given."""
    message = contract_pb2.ContractRevision(
        contract_id=revision.contract_id,
        digest=revision.digest,
        version=revision.version,
        revision=revision.revision,
        tags=revision.tags,
        changes=map(finding_message, revision.changes),
        references=map(_reference_message, revision.references),
        document=document_message(source, revision.references) if source else None,
    )
    message.create_time.FromDatetime(revision.create_time)
    return message


def _brief(revision: ContractRevision) -> ContractRevision:
    """Return a revision as lists have it, with few of its changes."""
    return replace(revision, changes=evolution.capped(revision.changes, _MOST_IN_LISTS))


def report_message(judgement: Judgement) -> contract_pb2.CompatibilityReport:
    """Return a judgement as its message."""
    return report_message_of(
        judgement.findings, judgement.mode, layers_of(judgement.kind), smallest_version=judgement.smallest_version
    )


def problem_messages(problems: Iterable[Problem]) -> list[pb.Problem]:
    """Return problems as their messages."""
    return [
        pb.Problem(line=each.line, column=each.column, path=each.path, message=each.message, rule=each.reason)
        for each in problems
    ]


def query_of(request: pb.ListContractsRequest) -> list[str]:
    """Return the words of a query, each as words are kept.

    Raises:
        InvalidField: there is something in the query, but no word.
    """
    found = sorted({unicodedata.normalize("NFKC", word).casefold() for word in words([request.query])})
    if request.query.strip() and not found:
        raise InvalidField(
            [FieldViolation("query", f"{request.query!r} has no letter and no digit to find anything by")]
        )
    return found


def contract_after(request: pb.ListContractsRequest) -> str:
    """Return the contract_id after which a list of contracts goes on; empty for its start.

    Raises:
        InvalidPageToken: the token is not of this query's list.
    """
    after: str = decode_page_token(request.page_token, of=_list_name(request)).get("after", "")
    return after


def contracts_page(request: pb.ListContractsRequest, found: Sequence[Contract], limit: int) -> pb.ListContractsResponse:
    """Return a page of at most `limit` contracts; that there are more, one more tells."""
    listed = [replace(contract, latest=_brief(contract.latest)) for contract in found[:limit]]
    page = pb.ListContractsResponse(contracts=map(contract_message, listed))
    if len(found) > limit:
        page.next_page_token = encode_page_token({"after": found[limit - 1].contract_id}, of=_list_name(request))
    return page


def revision_before(request: pb.ListContractRevisionsRequest) -> int | None:
    """Return the number below which a list of revisions goes on; None for its start.

    Raises:
        InvalidPageToken: the token is not of this contract's list.
    """
    number: int | None = decode_page_token(request.page_token, of=f"{_CONTRACTS}/{request.contract_id}").get("before")
    return number


def revisions_page(found: Sequence[ContractRevision], limit: int) -> pb.ListContractRevisionsResponse:
    """Return a page of at most `limit` revisions; that there are more, one more tells."""
    page = pb.ListContractRevisionsResponse(revisions=[revision_message(_brief(each)) for each in found[:limit]])
    if len(found) > limit:
        last = found[limit - 1]
        page.next_page_token = encode_page_token({"before": last.revision}, of=f"{_CONTRACTS}/{last.contract_id}")
    return page


def _list_name(request: pb.ListContractsRequest) -> str:
    return f"{_CONTRACTS}?{request.query}"


def _reference_message(reference: Reference) -> contract_pb2.ContractReference:
    return contract_pb2.ContractReference(
        name=reference.name,
        contract_id=reference.contract_id,
        version=reference.version,
        digest=reference.digest,
    )
