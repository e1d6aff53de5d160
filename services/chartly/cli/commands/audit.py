"""`chartly audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.exits import Exit, fail
from chartly.cli.text import number

if TYPE_CHECKING:
    from chartly.api.audit.v1.audit_pb2 import Entry
    from chartly.cli.session import Session

_PAGE = 1000


@click.group(cls=Commands)
def audit() -> None:
    """Check the ledger."""


@audit.command("verify")
@mesh_command
async def verify_ledger(session: Session, output: Output) -> None:
    """Recompute the ledger's root from its entries; name the first that was changed, dropped or moved."""
    from chartly.api.audit.v1.audit_pb2 import GetTreeHeadRequest
    from chartly.api.audit.v1.audit_pb2_grpc import AuditServiceStub
    from chartly.audit.verification import verify

    head = await session.stub(AuditServiceStub).GetTreeHead(GetTreeHeadRequest())
    tampering = verify(await _entries(session, head.tree_size), head)
    if tampering is not None:
        fail(Exit.FAILED, str(tampering))
    if not output.json(head):
        click.echo(f"{number(head.tree_size)} entries, root {head.root_hash}: the ledger is whole")


async def _entries(session: Session, size: int) -> list[Entry]:
    from chartly.api.audit.v1.audit_pb2 import ListEntriesRequest
    from chartly.api.audit.v1.audit_pb2_grpc import AuditServiceStub

    ledger = session.stub(AuditServiceStub)
    entries: list[Entry] = []
    page_token = ""
    while len(entries) < size:
        answer = await ledger.ListEntries(ListEntriesRequest(page_size=_PAGE, page_token=page_token))
        entries += answer.entries
        page_token = answer.next_page_token
        if not page_token:
            break
    return entries
