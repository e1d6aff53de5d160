"""`chartly contract`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.commands.contract_apply import apply, check, lint
from chartly.cli.commands.contract_diff import diff
from chartly.cli.commands.contract_update import deprecate, update
from chartly.cli.commands.contract_validate import validate
from chartly.cli.contract_reports import told
from chartly.cli.options import page_options
from chartly.cli.text import short, word

if TYPE_CHECKING:
    from chartly.api.registry.v1.contract_pb2 import Contract, ContractRevision
    from chartly.cli.session import Session

_FORMATS = ("json_schema", "odcs", "avro", "proto")


@click.group(cls=Commands)
def contract() -> None:
    """Keep, compare and export contracts that data have to meet."""


for command in (validate, lint, apply, check, diff, update, deprecate):
    contract.add_command(command)


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


@contract.command("get")
@click.argument("name", metavar="NAME[@VERSION]")
@mesh_command
async def get(session: Session, output: Output, name: str) -> None:
    """Show the files of a contract as they were saved."""
    from chartly.api.registry.v1.registry_pb2 import GetContractRevisionRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    contract_id, _, version = name.partition("@")
    request = GetContractRevisionRequest(contract_id=contract_id, version=version or "latest")
    answer = await session.stub(RegistryServiceStub).GetContractRevision(request)
    if output.json(answer):
        return
    files = answer.revision.document.files
    for file in files:
        if len(files) > 1:
            click.echo(f"// {file.path}")
        click.echo(file.text, nl=not file.text.endswith("\n"))


@contract.command("revisions")
@click.argument("contract_id", metavar="NAME")
@page_options("revisions")
@mesh_command
async def revisions(session: Session, output: Output, contract_id: str, limit: int, page_token: str) -> None:
    """List the revisions of a contract, newest first."""
    from chartly.api.registry.v1.registry_pb2 import ListContractRevisionsRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
    from chartly.cli.tables import more, show_table
    from chartly.cli.text import instant

    def row(each: ContractRevision) -> tuple[str, ...]:
        saved = instant(each.create_time.ToDatetime())
        return each.version, short(each.digest), ", ".join(each.tags), saved, told(each.changes)

    request = ListContractRevisionsRequest(contract_id=contract_id, page_size=limit, page_token=page_token)
    answer = await session.stub(RegistryServiceStub).ListContractRevisions(request)
    if not output.json(answer):
        show_table(("version", "digest", "tags", "saved", "changes"), map(row, answer.revisions))
        more(answer.next_page_token)


@contract.command("export")
@click.argument("name", metavar="NAME[@VERSION]")
@click.option("--format", "wanted", type=click.Choice(_FORMATS), default="json_schema", show_default=True, help="Form.")
@mesh_command
async def export(session: Session, output: Output, name: str, wanted: str) -> None:
    """Write a contract in another form."""
    from chartly.api.registry.v1.registry_pb2 import ExportContractRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    contract_id, _, version = name.partition("@")
    request = ExportContractRequest(contract_id=contract_id, version=version or "latest", format=wanted)
    answer = await session.stub(RegistryServiceStub).ExportContract(request)
    if not output.json(answer):
        click.echo(answer.data, nl=not answer.data.endswith(b"\n"))


@contract.command("delete")
@click.argument("contract_id", metavar="NAME")
@mesh_command
async def delete(session: Session, output: Output, contract_id: str) -> None:
    """Delete a contract that nothing refers to, with its revisions."""
    from chartly.api.registry.v1.registry_pb2 import DeleteContractRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    answer = await session.stub(RegistryServiceStub).DeleteContract(DeleteContractRequest(contract_id=contract_id))
    if not output.json(answer):
        click.echo(f"- {contract_id}")
