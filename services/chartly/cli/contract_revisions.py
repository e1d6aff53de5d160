"""Contracts as the registry keeps them, read here as it reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chartly.api.registry.v1.contract_pb2 import ContractRevision
    from chartly.cli.session import Session
    from chartly.contracts.documents import Form


async def read_revision(session: Session, name: str) -> tuple[ContractRevision, Form]:
    """Return a revision, `NAME[@VERSION]`, with all that it refers to, each at the digest that it was saved with."""
    from chartly.api.registry.v1.contract_pb2 import ContractKind
    from chartly.api.registry.v1.registry_pb2 import GetContractRevisionRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
    from chartly.contracts.documents import Kind, Source, read

    contract_id, _, version = name.partition("@")
    request = GetContractRevisionRequest(contract_id=contract_id, version=version or "latest")
    revision = (await session.stub(RegistryServiceStub).GetContractRevision(request)).revision
    needed = {
        each.name: (await read_revision(session, f"{each.contract_id}@{each.digest}"))[1]
        for each in revision.references
    }
    document = revision.document
    kind = Kind(ContractKind.Name(document.kind).removeprefix("CONTRACT_KIND_"))
    return revision, read(Source(kind, {file.path: file.text for file in document.files}, document.message), needed)
