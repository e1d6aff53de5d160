"""The only module that knows the registry's tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.engine import parse_version
from chartly.registry.contract_store import ContractTransaction
from chartly.registry.evolution import Revision
from chartly.registry.request import Request
from chartly.registry.tables import profiles, requests, revisions
from chartly.runtime import Database, Transaction
from chartly.runtime.errors import RequestIdReused
from sqlalchemy import Select, and_, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

_REVISIONS = select(revisions, profiles.c.deleted, profiles.c.sequence).join_from(
    revisions,
    profiles,
    and_(revisions.c.tenant == profiles.c.tenant, revisions.c.profile_id == profiles.c.profile_id),
)
_LATEST = _REVISIONS.where(revisions.c.revision == profiles.c.revision)


class Changed(NamedTuple):
    """The latest revision of a profile, and the place of its last change among all changes."""

    sequence: int
    revision: Revision


class RegistryStore:
    """Profiles and their revisions. A revision that is there never changes; whether its profile is deleted may."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[RegistryStore]:
        """Open the store in a database, and close it at the end."""
        async with Database.open(url, migrations=Path(__file__).parent / "migrations") as database:
            yield cls(database)

    @asynccontextmanager
    async def transaction(self, tenant: str) -> AsyncIterator[RegistryTransaction]:
        """Yield a transaction on one tenant's profiles; all of it is kept, or nothing if the block raises."""
        async with self.database.transaction() as transaction:
            yield RegistryTransaction(transaction, tenant)

    async def history(self, tenant: str, profile_id: str) -> list[Revision]:
        """Return the last revision of each major version of a profile, oldest first; none if there is no such profile."""
        return await self._read(_history(tenant, profile_id))

    async def latest(self, tenant: str, profile_id: str) -> Revision | None:
        """Return the latest revision of a profile, of a deleted one too."""
        found = await self._read(_LATEST.where(*_of(tenant, profile_id)))
        return found[0] if found else None

    async def revision(self, tenant: str, profile_id: str, version: str) -> Revision | None:
        """Return a revision by its version or its number."""
        by_number = version.isascii() and version.isdecimal() and len(version) <= 18
        wanted = revisions.c.revision == int(version) if by_number else revisions.c.version == version
        found = await self._read(_REVISIONS.where(*_of(tenant, profile_id), wanted))
        return found[0] if found else None

    async def list_profiles(self, tenant: str, *, after: str, limit: int) -> list[Revision]:
        """Return at most `limit` latest revisions by profile_id, those after one; without deleted profiles."""
        query = _LATEST.where(profiles.c.tenant == tenant, profiles.c.profile_id > after, ~profiles.c.deleted)
        return await self._read(query.order_by(profiles.c.profile_id).limit(limit))

    async def list_revisions(self, tenant: str, profile_id: str, *, before: int | None, limit: int) -> list[Revision]:
        """Return at most `limit` revisions of a profile, newest first, those below a number."""
        query = _REVISIONS.where(*_of(tenant, profile_id))
        if before is not None:
            query = query.where(revisions.c.revision < before)
        return await self._read(query.order_by(revisions.c.revision.desc()).limit(limit))

    async def changes(self, tenant: str, *, after: int, limit: int) -> list[Changed]:
        """Return at most `limit` profiles that changed after a place, in the order of their last changes."""
        query = _LATEST.where(profiles.c.tenant == tenant, profiles.c.sequence > after)
        async with self.database.read() as connection:
            rows = await connection.execute(query.order_by(profiles.c.sequence).limit(limit))
            return [Changed(row.sequence, _revision(row)) for row in rows]

    async def _read(self, query: Select[Any]) -> list[Revision]:
        async with self.database.read() as connection:
            return [_revision(row) for row in await connection.execute(query)]


class RegistryTransaction:
    """One tenant's profiles, while nobody else writes."""

    def __init__(self, transaction: Transaction, tenant: str) -> None:
        self.contracts = ContractTransaction(transaction, tenant)
        self._transaction = transaction
        self._tenant = tenant

    async def history(self, profile_id: str) -> list[Revision]:
        """Return the last revision of each major version of a profile, oldest first; none if there is no such profile."""
        return [_revision(row) for row in await self._transaction.execute(_history(self._tenant, profile_id))]

    async def answer_of(self, request: Request) -> Revision | None:
        """Return what a request was answered with before.

        Raises:
            RequestIdReused: it was another request.
        """
        if not request.request_id:
            return None
        query = select(requests).where(requests.c.tenant == self._tenant, requests.c.request_id == request.request_id)
        if (row := (await self._transaction.execute(query)).one_or_none()) is None:
            return None
        if row.digest != request.digest:
            raise RequestIdReused(request.request_id)
        answered = _REVISIONS.where(*_of(self._tenant, row.profile_id), revisions.c.revision == row.revision)
        return _revision((await self._transaction.execute(answered)).one())

    async def save(self, revision: Revision, *, latest: Revision | None, answers: Request) -> None:
        """Make a revision the one after the latest, and what a request is answered with; the latest itself stays."""
        if latest is None or latest.revision < revision.revision:
            await self._transaction.execute(insert(revisions).values(self._row(revision)))
        if latest is None or (latest.revision, latest.deleted) != (revision.revision, revision.deleted):
            await self._put(revision, deleted=revision.deleted)
        if answers.request_id:
            about = {"profile_id": revision.profile_id, "revision": revision.revision}
            await self._transaction.execute(insert(requests).values(tenant=self._tenant, **answers._asdict(), **about))

    async def delete(self, latest: Revision) -> None:
        """Delete a profile, whose revisions stay."""
        await self._put(latest, deleted=True)

    async def _put(self, latest: Revision, *, deleted: bool) -> None:
        last = select(func.coalesce(func.max(profiles.c.sequence), 0)).where(profiles.c.tenant == self._tenant)
        state = {"revision": latest.revision, "deleted": deleted, "sequence": last.scalar_subquery() + 1}
        statement = upsert(profiles).values(tenant=self._tenant, profile_id=latest.profile_id, **state)
        await self._transaction.execute(
            statement.on_conflict_do_update(index_elements=["tenant", "profile_id"], set_=state)
        )

    def _row(self, revision: Revision) -> dict[str, Any]:
        return {
            "tenant": self._tenant,
            "profile_id": revision.profile_id,
            "revision": revision.revision,
            "version": revision.version,
            "major": parse_version(revision.version)[0],
            "digest": revision.digest,
            "create_time": revision.create_time,
            "changes": list(revision.changes),
            "profile": revision.profile.SerializeToString(deterministic=True),
            "contract_id": revision.profile.contract.partition("@")[0] or None,
            "contract_digest": revision.contract_digest or None,
        }


def _of(tenant: str, profile_id: str) -> tuple[Any, Any]:
    return revisions.c.tenant == tenant, revisions.c.profile_id == profile_id


def _history(tenant: str, profile_id: str) -> Select[Any]:
    lasts = select(func.max(revisions.c.revision)).where(*_of(tenant, profile_id)).group_by(revisions.c.major)
    return _REVISIONS.where(*_of(tenant, profile_id), revisions.c.revision.in_(lasts)).order_by(revisions.c.revision)


def _revision(row: Any) -> Revision:
    profile = Profile.FromString(row.profile)
    return Revision(
        profile,
        row.revision,
        row.digest,
        row.create_time,
        tuple(row.changes),
        deleted=row.deleted,
        contract_digest=row.contract_digest or "",
    )
