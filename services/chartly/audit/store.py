"""The only module that knows the ledger's tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chartly.api.audit.v1.audit_pb2 import Event
from chartly.audit.leaves import leaf_of, nanos_of
from chartly.audit.merkle import CompactRange, hash_leaf, root_above, split_peaks
from chartly.audit.tables import entries, tree
from chartly.runtime import Database
from chartly.runtime.database import Transaction
from sqlalchemy import ColumnElement, Select, insert, select


@dataclass(frozen=True, slots=True)
class Record:
    """An entry as it is stored; hashes are 32 bytes, and `root` is the log's when the entry was its last."""

    index: int
    leaf: bytes
    leaf_hash: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries the log has, and its root, 32 bytes."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries to list; an empty word and None ask for all, and times are nanoseconds since 1970 in [start, end)."""

    actor: str = ""
    action: str = ""
    resource: str = ""
    start_nanos: int | None = None
    end_nanos: int | None = None

    def conditions(self) -> Iterable[ColumnElement[bool]]:
        """Yield what the entries have to fulfil."""
        for name in ("actor", "action", "resource"):
            if word := getattr(self, name):
                yield entries.c[name] == word
        if self.start_nanos is not None:
            yield entries.c.time_nanos >= self.start_nanos
        if self.end_nanos is not None:
            yield entries.c.time_nanos < self.end_nanos


class AuditStore:
    """One append-only log for each tenant. An event is in its log once, by its event_id, and what is there stays."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[AuditStore]:
        """Open the store in a database, and close it at the end."""
        async with Database.open(url, migrations=Path(__file__).parent / "migrations") as database:
            yield cls(database)

    async def append(self, events: Sequence[Event]) -> list[int]:
        """Append the events that are not there yet, in their order, all or none; return the index of each."""
        async with self.database.transaction() as transaction:
            indexes: dict[tuple[str, str], int] = {}
            for tenant in sorted({event.tenant for event in events}):
                own = {event.event_id: event for event in events if event.tenant == tenant}
                found = await _append(transaction, tenant, own)
                indexes |= {(tenant, event_id): index for event_id, index in found.items()}
        return [indexes[event.tenant, event.event_id] for event in events]

    async def list_records(self, tenant: str, wanted: Filter, *, start_index: int, limit: int) -> list[Record]:
        """Return at most `limit` entries that the filter wants, in the order of the log, from an index on."""
        query = _RECORDS.where(entries.c.tenant == tenant, entries.c.entry_index >= start_index, *wanted.conditions())
        async with self.database.read() as connection:
            rows = await connection.execute(query.order_by(entries.c.entry_index).limit(limit))
            return [_record(*row) for row in rows]

    async def record(self, tenant: str, index: int) -> Record | None:
        """Return the entry with an index."""
        query = _RECORDS.where(entries.c.tenant == tenant, entries.c.entry_index == index)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _record(*row)

    async def head(self, tenant: str) -> Head:
        """Return the head of a tenant's log, as it was kept when the last entry came."""
        async with self.database.read() as connection:
            row = (await connection.execute(_last(tenant))).one_or_none()
        return Head(0, root_above(())) if row is None else Head(row[0] + 1, root_above(split_peaks(row[1])))


_RECORDS = select(entries.c.entry_index, entries.c.leaf, tree.c.leaf_hash, tree.c.peaks).join_from(
    entries, tree, (entries.c.tenant == tree.c.tenant) & (entries.c.entry_index == tree.c.entry_index)
)


def _last(tenant: str) -> Select[int, bytes]:
    query = select(tree.c.entry_index, tree.c.peaks).where(tree.c.tenant == tenant)
    return query.order_by(tree.c.entry_index.desc()).limit(1)


def _record(index: int, leaf: bytes, leaf_hash: bytes, peaks: bytes) -> Record:
    return Record(index, leaf, leaf_hash, root_above(split_peaks(peaks)))


async def _append(transaction: Transaction, tenant: str, events: dict[str, Event]) -> dict[str, int]:
    known = select(entries.c.event_id, entries.c.entry_index).where(
        entries.c.tenant == tenant, entries.c.event_id.in_(events)
    )
    indexes: dict[str, int] = {row.event_id: row.entry_index for row in await transaction.execute(known)}
    log = await _log(transaction, tenant)
    entry_rows, tree_rows = [], []
    for event in (event for event_id, event in events.items() if event_id not in indexes):
        indexes[event.event_id], leaf = log.size, leaf_of(event)
        entry_rows.append(_entry_row(log.size, event, leaf))
        log = log.append(leaf_hash := hash_leaf(leaf))
        tree_rows.append(_tree_row(tenant, log, leaf_hash))
    if entry_rows:
        await transaction.execute(insert(entries), entry_rows)
        await transaction.execute(insert(tree), tree_rows)
    return indexes


async def _log(transaction: Transaction, tenant: str) -> CompactRange:
    row = (await transaction.execute(_last(tenant))).one_or_none()
    return CompactRange() if row is None else CompactRange(row.entry_index + 1, split_peaks(row.peaks))


def _entry_row(index: int, event: Event, leaf: bytes) -> dict[str, object]:
    return {
        "tenant": event.tenant,
        "entry_index": index,
        "event_id": event.event_id,
        "time_nanos": nanos_of(event.time),
        "actor": event.actor,
        "action": event.action,
        "resource": event.resource,
        "leaf": leaf,
    }


def _tree_row(tenant: str, log: CompactRange, leaf_hash: bytes) -> dict[str, object]:
    return {"tenant": tenant, "entry_index": log.size - 1, "leaf_hash": leaf_hash, "peaks": b"".join(log.peaks)}
