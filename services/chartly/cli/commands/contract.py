"""`chartly contract`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.options import page_options
from chartly.cli.text import short, word

if TYPE_CHECKING:
    from chartly.api.registry.v1.contract_pb2 import Contract, ContractRevision
    from chartly.cli.session import Session


@click.group(cls=Commands)
def contract() -> None:
    """Keep, compare and export contracts that data have to meet."""


@contract.command("list")
@click.argument("query", required=False, default="")
@page_options("contracts")
@mesh_command
async def list_contracts(session: Session, output: Output, query: str, limit: int, page_token: str) -> None:
    """List contracts by name; those with each word of QUERY in their name, description, owner, labels or fields."""
    from chartly.api.registry.v1.contract_pb2 import CompatibilityMode, ContractKind
    from chartly.api.registry.v1.registry_pb2 import ListContractsRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
    from chartly.cli.tables import more, show_table

    def row(each: Contract) -> tuple[str, ...]:
        kind, mode = word(ContractKind, each.kind), word(CompatibilityMode, each.compatibility)
        latest = each.latest
        return each.contract_id, latest.version, short(latest.digest), kind, mode, each.owner, each.deprecation

    request = ListContractsRequest(page_size=limit, page_token=page_token, query=query)
    answer = await session.stub(RegistryServiceStub).ListContracts(request)
    if not output.json(answer):
        columns = ("contract", "version", "digest", "kind", "compatibility", "owner", "deprecated")
        show_table(columns, map(row, answer.contracts))
        more(answer.next_page_token)


@contract.command("revisions")
@click.argument("contract_id")
@page_options("revisions")
@mesh_command
async def revisions(session: Session, output: Output, contract_id: str, limit: int, page_token: str) -> None:
    """List the revisions of a contract, newest first."""
    from chartly.api.registry.v1.registry_pb2 import ListContractRevisionsRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
    from chartly.cli.tables import more, show_table
    from chartly.cli.text import instant

    def row(each: ContractRevision) -> tuple[str, ...]:
        what = "; ".join(finding.message for finding in each.changes)
        return each.version, short(each.digest), ", ".join(each.tags), instant(each.create_time.ToDatetime()), what

    request = ListContractRevisionsRequest(contract_id=contract_id, page_size=limit, page_token=page_token)
    answer = await session.stub(RegistryServiceStub).ListContractRevisions(request)
    if not output.json(answer):
        show_table(("version", "digest", "tags", "saved", "changes"), map(row, answer.revisions))
        more(answer.next_page_token)
