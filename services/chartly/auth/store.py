"""The only module that knows auth's table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from chartly.auth.keys import Key
from chartly.auth.tables import keys
from chartly.runtime import Database
from chartly.runtime.columns import Instant
from chartly.runtime.database import Transaction
from sqlalchemy import insert, literal, select, tuple_, update

_KEY = [keys.c[field.name] for field in fields(Key)]


class Place(NamedTuple):
    """Where a key stands in the list, newest first."""

    create_time: datetime
    key_id: str


class AuthStore:
    """Keys, found by the digest of their secret; the secrets themselves are nowhere."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[AuthStore]:
        """Open the store in a database, and close it at the end."""
        async with Database.open(url, migrations=Path(__file__).parent / "migrations") as database:
            yield cls(database)

    @asynccontextmanager
    async def transaction(self, tenant: str) -> AsyncIterator[AuthTransaction]:
        """Yield a transaction on one tenant's keys; all of it is kept, or nothing if the block raises."""
        async with self.database.transaction() as transaction:
            yield AuthTransaction(transaction, tenant)

    async def key_of_digest(self, digest: str) -> Key | None:
        """Return the key whose secret has that digest, of whatever tenant."""
        async with self.database.read() as connection:
            row = (await connection.execute(select(*_KEY).where(keys.c.digest == digest))).one_or_none()
        return None if row is None else _key(row)

    async def list_keys(self, tenant: str, *, after: Place | None, limit: int) -> list[Key]:
        """Return at most `limit` keys, newest first, those after a place in the list."""
        query = select(*_KEY).where(keys.c.tenant == tenant)
        if after is not None:
            place = tuple_(literal(after.create_time, Instant), after.key_id)
            query = query.where(tuple_(keys.c.create_time, keys.c.key_id) < place)
        query = query.order_by(keys.c.create_time.desc(), keys.c.key_id.desc()).limit(limit)
        async with self.database.read() as connection:
            return [_key(row) for row in await connection.execute(query)]


class AuthTransaction:
    """One tenant's keys, while nobody else writes."""

    def __init__(self, transaction: Transaction, tenant: str) -> None:
        self._transaction = transaction
        self._tenant = tenant

    async def key(self, key_id: str) -> Key | None:
        """Return a key."""
        return await self._one(keys.c.key_id == key_id)

    async def key_of_request(self, request_id: str) -> Key | None:
        """Return the key that the call with that request id created."""
        return await self._one(keys.c.request_id == request_id) if request_id else None

    async def add(self, key: Key, *, digest: str, request_id: str = "", bootstrap: bool = False) -> None:
        """Add a key."""
        values = {field.name: getattr(key, field.name) for field in fields(Key)}
        values |= {"digest": digest, "request_id": request_id or None, "bootstrap": bootstrap}
        await self._transaction.execute(insert(keys).values(values))

    async def revoke(self, key_ids: Collection[str], revoke_time: datetime) -> None:
        """Revoke keys; those that are revoked stay as they are."""
        await self._transaction.execute(
            update(keys)
            .where(keys.c.tenant == self._tenant, keys.c.key_id.in_(key_ids), keys.c.revoke_time.is_(None))
            .values(revoke_time=revoke_time)
        )

    async def bootstrapped(self) -> set[str]:
        """Return the ids of all keys whose secrets lay in files once, revoked ones too."""
        query = select(keys.c.key_id).where(keys.c.tenant == self._tenant, keys.c.bootstrap)
        return set((await self._transaction.execute(query)).scalars())

    async def _one(self, condition: Any) -> Key | None:
        query = select(*_KEY).where(keys.c.tenant == self._tenant, condition)
        row = (await self._transaction.execute(query)).one_or_none()
        return None if row is None else _key(row)


def _key(row: Any) -> Key:
    return Key(**{**row._asdict(), "roles": tuple(row.roles)})
