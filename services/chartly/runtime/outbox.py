"""Entries on their way to the ledger: written with their effect into the service's own database, then delivered in order.

The ledger knows an entry by its event id, so an entry that is delivered twice, because the process died between delivery and
removal, is in the ledger once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import grpc
from chartly.api.audit.v1 import audit_pb2, audit_pb2_grpc
from chartly.runtime.connections import Statement
from chartly.runtime.errors import error_of
from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.schema import SchemaItem

if TYPE_CHECKING:
    from chartly.runtime.clients import Clients
    from chartly.runtime.database import Database

logger = logging.getLogger(__name__)
BATCH = 500
RETRY_SECONDS = 2.0


def _columns() -> list[SchemaItem]:
    return [
        Column("tenant", String, primary_key=True),
        Column("sequence", Integer, primary_key=True, autoincrement=False),
        Column("event_id", String, nullable=False),
        Column("event", LargeBinary, nullable=False),
        UniqueConstraint("tenant", "event_id"),
    ]


OUTBOX = Table("outbox", MetaData(), *_columns())


def create_outbox(op: ModuleType) -> None:
    """Create the table, in the first migration of a service that has LEAF methods. `op` is `alembic.op`."""
    op.create_table("outbox", *_columns())


# Made once: making the statement takes longer than running it.
_LAST = select(func.coalesce(func.max(OUTBOX.c.sequence), 0)).where(OUTBOX.c.tenant == bindparam("tenant"))
_INSERT = (
    insert(OUTBOX)
    .values(
        tenant=bindparam("tenant"),
        sequence=_LAST.scalar_subquery() + 1,
        event_id=bindparam("event_id"),
        event=bindparam("event"),
    )
    .on_conflict_do_nothing(index_elements=["tenant", "event_id"])
)


def insert_event(event: audit_pb2.Event) -> Statement:
    """Return the statement that puts an event at the end of the outbox, unless it is there."""
    row = {"tenant": event.tenant, "event_id": event.event_id, "event": event.SerializeToString()}
    return Statement(_INSERT, row)


class Outbox:
    """Delivers the entries of one database to the ledger, oldest first."""

    def __init__(self, database: Database, clients: Clients) -> None:
        self._database = database
        self._clients = clients

    async def store_current(self) -> None:
        """Store the ledger entry of the call that is being served, in a transaction of its own, if the entry is open."""
        async with self._database.transaction():
            pass

    async def forward(self) -> None:
        """Deliver entries whenever there are some, for ever."""
        while True:
            self._database.entries_waiting.clear()
            try:
                while await self.deliver():
                    pass
            except grpc.aio.AioRpcError as error:
                logger.warning(
                    "the ledger takes no entries; they wait", extra={"problem": str(error_of(error, service="audit"))}
                )
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await self._database.entries_waiting.wait()

    async def deliver(self) -> int:
        """Deliver the oldest entries, at most BATCH, and return how many they were."""
        async with self._database.read() as connection:
            rows = (
                await connection.execute(select(OUTBOX).order_by(OUTBOX.c.tenant, OUTBOX.c.sequence).limit(BATCH))
            ).all()
        if rows:
            audit = self._clients.stub(audit_pb2_grpc.AuditServiceStub, as_service=True)
            events = [audit_pb2.Event.FromString(row.event) for row in rows]
            await audit.AppendEntries(audit_pb2.AppendEntriesRequest(events=events))
            await self._remove(rows)
        return len(rows)

    async def _remove(self, rows: Sequence[Any]) -> None:
        async with self._database.transaction() as transaction:
            for tenant in {row.tenant for row in rows}:
                delivered = [row.event_id for row in rows if row.tenant == tenant]
                await transaction.execute(
                    delete(OUTBOX).where(OUTBOX.c.tenant == tenant, OUTBOX.c.event_id.in_(delivered))
                )
