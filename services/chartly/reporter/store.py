"""The only module that knows the reporter's tables."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from chartly.api.audit.v1.audit_pb2 import Event
from chartly.reporter.tables import reports, results
from chartly.runtime import Database, Transaction
from chartly.runtime.errors import RequestIdReused
from sqlalchemy import Select, and_, delete, func, insert, or_, select, update


class State(StrEnum):
    """Where a result stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Key(NamedTuple):
    """Names a result."""

    tenant: str
    report_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Result:
    """A result and the report that it belongs to.

    Attributes:
        definition: the serialised ReportDefinition.
        document: the result as RFC 8785 JSON, and `digest` its digest; both None unless it SUCCEEDED.
        versions: version of each dataset that was read.
        message: why it FAILED, and `reason` the name of the ErrorReason; empty otherwise.
    """

    tenant: str
    report_id: str
    number: int
    name: str
    create_time: datetime
    state: State
    definition: bytes
    end_time: datetime | None
    document: bytes | None
    digest: str | None
    versions: Mapping[str, int] | None
    message: str
    reason: str

    @property
    def key(self) -> Key:
        """Names the result."""
        return Key(self.tenant, self.report_id, self.number)


class ReporterStore:
    """Reports, each with its results; the latest is the one that counts."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[ReporterStore]:
        """Open the store in a database, and close it at the end."""
        async with Database.open(url, migrations=Path(__file__).parent / "migrations") as database:
            yield cls(database)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[ReporterTransaction]:
        """Yield a transaction; all of it is kept, or nothing if the block raises."""
        async with self.database.transaction() as transaction:
            yield ReporterTransaction(transaction)

    async def latest(self, tenant: str, wanted: str) -> Result | None:
        """Return the latest result of the report with a report_id or, if there is none, a name."""
        query = _latest(tenant).where(or_(reports.c.report_id == wanted, reports.c.name == wanted))
        return await self._first(query.order_by(reports.c.report_id != wanted))

    async def get(self, key: Key) -> Result | None:
        """Return a result."""
        return await self._first(_RESULTS.where(*_is(key)))

    async def list_latest(self, tenant: str, *, after_name: str, limit: int) -> list[Result]:
        """Return the latest result of at most `limit` reports by name, those after a name."""
        query = _latest(tenant).where(reports.c.name > after_name).order_by(reports.c.name).limit(limit)
        async with self.database.read() as connection:
            return [_result(row) for row in await connection.execute(query)]

    async def running(self) -> list[Key]:
        """Return the results of all tenants that are being made, the oldest first."""
        query = select(results.c.tenant, results.c.report_id, results.c.number).where(results.c.state == State.RUNNING)
        async with self.database.read() as connection:
            return [Key(*row) for row in await connection.execute(query.order_by(results.c.start_time))]

    async def _first(self, query: Select[Any]) -> Result | None:
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _result(row)


class ReporterTransaction:
    """What may change a report, together."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def repeated(self, tenant: str, request_id: str, definition: bytes) -> Result | None:
        """Return the result that a request id asked for before; None if it is new or empty.

        Raises:
            RequestIdReused: it asked for another definition.
        """
        if not request_id:
            return None
        query = _RESULTS.where(results.c.tenant == tenant, results.c.request_id == request_id)
        row = (await self._transaction.execute(query)).first()
        if row is None:
            return None
        if row.definition != definition:
            raise RequestIdReused(request_id)
        return _result(row)

    async def begin(
        self, tenant: str, name: str, definition: bytes, *, request_id: str, event: Event, start_time: datetime
    ) -> Result:
        """Add a result that is RUNNING, to the report of that name or a new one; it keeps the call's ledger entry."""
        report_id = _report_id(tenant, name)
        known = select(reports.c.create_time).where(reports.c.tenant == tenant, reports.c.report_id == report_id)
        create_time = await self._transaction.scalar(known)
        if create_time is None:
            create_time = start_time
            row = {"tenant": tenant, "report_id": report_id, "name": name, "create_time": create_time}
            await self._transaction.execute(insert(reports).values(row))
        of_report = results.c.tenant == tenant, results.c.report_id == report_id
        last: int = await self._transaction.scalar(
            select(func.coalesce(func.max(results.c.number), 0)).where(*of_report)
        )
        key = Key(tenant, report_id, last + 1)
        kept = {"definition": definition, "start_time": start_time, "event": event.SerializeToString()}
        row = {**key._asdict(), "request_id": request_id or None, "state": State.RUNNING, "message": "", "reason": ""}
        await self._transaction.execute(insert(results).values(row | kept))
        return _result((await self._transaction.execute(_RESULTS.where(*_is(key)))).one())

    async def succeed(
        self, key: Key, document: bytes, digest: str, versions: Mapping[str, int], *, end_time: datetime
    ) -> None:
        """Give a RUNNING result its document."""
        values = {"document": document, "digest": digest, "versions": versions}
        await self._end(key, State.SUCCEEDED, end_time=end_time, **values)

    async def fail(self, key: Key, message: str, reason: str, outcome: str, *, end_time: datetime) -> None:
        """Say why a RUNNING result cannot be made; `outcome` is the error's code, for the call's ledger entry."""
        await self.release(key, outcome)
        await self._end(key, State.FAILED, end_time=end_time, message=message, reason=reason)

    async def discard(self, key: Key, outcome: str) -> None:
        """Remove a RUNNING result, and its report if it has no other, for the call that asked for it fails."""
        await self.release(key, outcome)
        await self._transaction.execute(delete(results).where(*_is(key), results.c.state == State.RUNNING))
        others = select(results.c.number).where(results.c.tenant == key.tenant, results.c.report_id == key.report_id)
        if (await self._transaction.execute(others)).first() is None:
            await self._transaction.execute(
                delete(reports).where(reports.c.tenant == key.tenant, reports.c.report_id == key.report_id)
            )

    async def release(self, key: Key, outcome: str = "OK") -> None:
        """Put the call's ledger entry into the outbox with how the call ended, if that is still to be done."""
        serialised = await self._transaction.scalar(select(results.c.event).where(*_is(key)))
        if serialised is not None:
            event = Event.FromString(serialised)
            event.outcome = outcome
            await self._transaction.audit(event)
            await self._transaction.execute(update(results).where(*_is(key)).values(event=None))

    async def _end(self, key: Key, state: State, **values: Any) -> None:
        await self.release(key)
        query = update(results).where(*_is(key), results.c.state == State.RUNNING)
        await self._transaction.execute(query.values(state=state, **values))


_RESULTS = select(
    reports.c.tenant,
    reports.c.report_id,
    results.c.number,
    reports.c.name,
    reports.c.create_time,
    results.c.state,
    results.c.definition,
    results.c.end_time,
    results.c.document,
    results.c.digest,
    results.c.versions,
    results.c.message,
    results.c.reason,
).join_from(reports, results, and_(reports.c.tenant == results.c.tenant, reports.c.report_id == results.c.report_id))


def _latest(tenant: str) -> Select[Any]:
    others = results.alias()
    last = (
        select(func.max(others.c.number))
        .where(others.c.tenant == reports.c.tenant, others.c.report_id == reports.c.report_id)
        .scalar_subquery()
    )
    return _RESULTS.where(reports.c.tenant == tenant, results.c.number == last)


def _is(key: Key) -> tuple[Any, ...]:
    return results.c.tenant == key.tenant, results.c.report_id == key.report_id, results.c.number == key.number


def _result(row: Any) -> Result:
    fields = row._asdict()
    return Result(**fields | {"state": State(fields["state"])})


def _report_id(tenant: str, name: str) -> str:
    return "rep-" + hashlib.sha256(f"{tenant}\n{name}".encode()).hexdigest()[:20]
