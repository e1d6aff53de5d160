# Made by `make gen` from aio/; edits are overwritten.
"""Contracts that users bring, and judging data by them."""

from __future__ import annotations

import builtins
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from chartly.api.registry.v1 import contract_pb2
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.sdk.documents import Document, body_of
from chartly.sdk.sync.connection import Connection
from chartly.sdk.validation import Problem, Validator
from google.api.httpbody_pb2 import HttpBody


class Contracts:
    """Contracts: what records or messages have to look like."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self,
        contract_id: str,
        document: Document,
        *,
        media_type: str | None = None,
        version: str = "",
        references: Iterable[str] = (),
        compatibility: contract_pb2.CompatibilityMode.ValueType = contract_pb2.COMPATIBILITY_MODE_UNSPECIFIED,
        request_id: str = "",
        timeout: float | None = None,
    ) -> contract_pb2.ContractRevision:
        """Save a document as the next revision of a contract, and as its first where there is none of that name."""
        request = pb.CreateContractRevisionRequest(
            contract_id=contract_id,
            body=body_of(document, media_type),
            version=version,
            references=references,
            compatibility=compatibility,
            request_id=request_id or uuid.uuid4().hex,
        )
        return self._connection.call(request, pb.CreateContractRevisionResponse, timeout).revision

    def update(
        self, contract_id: str, contract: pb.ContractUpdate, *, timeout: float | None = None
    ) -> contract_pb2.Contract:
        """Change what is said about a contract: the fields that are set."""
        request = pb.UpdateContractRequest(contract_id=contract_id, contract=contract)
        return self._connection.call(request, pb.UpdateContractResponse, timeout).contract

    def get(self, contract_id: str, *, timeout: float | None = None) -> contract_pb2.Contract:
        """Return a contract with its latest revision."""
        request = pb.GetContractRequest(contract_id=contract_id)
        return self._connection.call(request, pb.GetContractResponse, timeout).contract

    def list(
        self, *, query: str = "", page_size: int = 0, timeout: float | None = None
    ) -> Iterator[contract_pb2.Contract]:
        """Iterate over the contracts by name; `query` keeps those with every word of it."""
        request = pb.ListContractsRequest(query=query, page_size=page_size)
        return self._connection.pages(request, pb.ListContractsResponse, lambda page: page.contracts, timeout)

    def delete(self, contract_id: str, *, timeout: float | None = None) -> None:
        """Delete a contract that nothing refers to."""
        request = pb.DeleteContractRequest(contract_id=contract_id)
        self._connection.call(request, pb.DeleteContractResponse, timeout)

    def revisions(
        self, contract_id: str, *, page_size: int = 0, timeout: float | None = None
    ) -> Iterator[contract_pb2.ContractRevision]:
        """Iterate over the revisions, newest first, without their documents."""
        request = pb.ListContractRevisionsRequest(contract_id=contract_id, page_size=page_size)
        return self._connection.pages(request, pb.ListContractRevisionsResponse, lambda page: page.revisions, timeout)

    def revision(
        self, contract_id: str, version: str = "latest", *, timeout: float | None = None
    ) -> contract_pb2.ContractRevision:
        """Return one revision, by its version, tag or digest."""
        request = pb.GetContractRevisionRequest(contract_id=contract_id, version=version)
        return self._connection.call(request, pb.GetContractRevisionResponse, timeout).revision

    def lint(
        self,
        document: Document,
        *,
        media_type: str | None = None,
        references: Iterable[str] = (),
        timeout: float | None = None,
    ) -> pb.ValidateContractResponse:
        """Return all that is wrong with a document, and what could be better. Saves nothing."""
        request = pb.ValidateContractRequest(body=body_of(document, media_type), references=references)
        return self._connection.call(request, pb.ValidateContractResponse, timeout)

    def check(
        self,
        contract_id: str,
        document: Document,
        *,
        media_type: str | None = None,
        mode: contract_pb2.CompatibilityMode.ValueType = contract_pb2.COMPATIBILITY_MODE_UNSPECIFIED,
        timeout: float | None = None,
    ) -> contract_pb2.CompatibilityReport:
        """Return what a document would change, and whether it may follow. Saves nothing."""
        request = pb.CheckCompatibilityRequest(contract_id=contract_id, body=body_of(document, media_type), mode=mode)
        return self._connection.call(request, pb.CheckCompatibilityResponse, timeout).report

    def diff(
        self, contract_id: str, base: str, target: str = "", *, timeout: float | None = None
    ) -> contract_pb2.CompatibilityReport:
        """Return what changed between two revisions; the target is the latest by default."""
        request = pb.DiffContractRevisionsRequest(contract_id=contract_id, base=base, target=target)
        return self._connection.call(request, pb.DiffContractRevisionsResponse, timeout).report

    def export(
        self, contract_id: str, version: str = "latest", *, format: str = "", timeout: float | None = None
    ) -> HttpBody:
        """Return a revision as `json_schema`, `avro`, `proto` or `odcs`."""
        request = pb.ExportContractRequest(contract_id=contract_id, version=version, format=format)
        return self._connection.call(request, HttpBody, timeout)

    def validator(self, contract_id: str, version: str = "latest", *, timeout: float | None = None) -> Validator:
        """Return a contract, compiled, to judge many values by it here.

        Args:
            contract_id: name of the contract, or `NAME@VERSION`, as in `weather@1`.
            version: version, tag or digest, where the name comes without one.
            timeout: seconds that the call may take.
        """
        name, _, named = contract_id.partition("@")
        schema = self.export(name, named or version, format="json_schema", timeout=timeout)
        return Validator(json.loads(schema.data))

    def validate(
        self, contract_id: str, value: Any, version: str = "latest", *, timeout: float | None = None
    ) -> builtins.list[Problem]:
        """Return all that is wrong with a JSON value by a contract, which is named as for `validator`."""
        return self.validator(contract_id, version, timeout=timeout).problems(value)
