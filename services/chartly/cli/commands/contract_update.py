"""`chartly contract update` and `deprecate`: what is said about a contract, beside its revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Output, mesh_command
from chartly.cli.commands.contract_apply import MODES
from chartly.cli.exits import Exit, fail

if TYPE_CHECKING:
    from chartly.api.registry.v1.contract_pb2 import Contract
    from chartly.api.registry.v1.registry_pb2 import ContractUpdate, UpdateContractResponse
    from chartly.cli.session import Session


@click.command("update")
@click.argument("contract_id", metavar="NAME")
@click.option("--compatibility", type=click.Choice(MODES), help="What new revisions keep.")
@click.option("--description", help="What the contract is for; '' takes it out.")
@click.option("--owner", help="Who answers for it; '' takes it out.")
@click.option("--label", "labels", multiple=True, help="Word to find it by, instead of those that it has; repeatable.")
@mesh_command
async def update(
    session: Session,
    output: Output,
    contract_id: str,
    compatibility: str | None,
    description: str | None,
    owner: str | None,
    labels: tuple[str, ...],
) -> None:
    """Change the mode, description, owner or labels of a contract; whatever is not named stays."""
    from chartly.api.registry.v1.contract_pb2 import CompatibilityMode
    from chartly.api.registry.v1.registry_pb2 import ContractUpdate

    named = {"compatibility": compatibility, "description": description, "owner": owner, "labels": labels or None}
    paths = [name for name, value in named.items() if value is not None]
    if not paths:
        fail(Exit.INVALID, "name what to change: --compatibility, --description, --owner or --label")
    wanted = ContractUpdate(
        compatibility=CompatibilityMode.Value(f"COMPATIBILITY_MODE_{compatibility or 'UNSPECIFIED'}"),
        description=description or "",
        owner=owner or "",
        labels=labels,
    )
    answer = await _update(session, contract_id, wanted, paths)
    if not output.json(answer):
        click.echo(f"~ {contract_id} {_said(answer.contract)}")


@click.command("deprecate")
@click.argument("contract_id", metavar="NAME")
@click.option("--reason", required=True, help="Why nobody should use it any more, and what to use; '' takes it back.")
@mesh_command
async def deprecate(session: Session, output: Output, contract_id: str, reason: str) -> None:
    """Say that a contract should not be used any more."""
    from chartly.api.registry.v1.registry_pb2 import ContractUpdate

    answer = await _update(session, contract_id, ContractUpdate(deprecation=reason), ["deprecation"])
    if not output.json(answer):
        click.echo(f"~ {contract_id} deprecated: {reason}" if reason else f"~ {contract_id} not deprecated")


async def _update(
    session: Session, contract_id: str, wanted: ContractUpdate, paths: list[str]
) -> UpdateContractResponse:
    from chartly.api.registry.v1.registry_pb2 import UpdateContractRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    request = UpdateContractRequest(contract_id=contract_id, contract=wanted)
    request.update_mask.paths.extend(paths)
    return await session.stub(RegistryServiceStub).UpdateContract(request)


def _said(contract: Contract) -> str:
    from chartly.api.registry.v1.contract_pb2 import CompatibilityMode
    from chartly.cli.text import word

    owner = f", owner {contract.owner}" if contract.owner else ""
    labels = f", labels {', '.join(contract.labels)}" if contract.labels else ""
    return f"keeps {word(CompatibilityMode, contract.compatibility)}{owner}{labels}"
