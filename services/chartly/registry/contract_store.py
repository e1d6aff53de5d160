"""The tables of contracts. Like `store`, it is the only module that knows them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple
from datetime import datetime
from typing import Any, TypeVar

from chartly.api.registry.v1.contract_pb2 import ContractDocument, ContractFile, ContractKind
from chartly.contracts import Finding, Layer, Mode
from chartly.contracts.documents import Kind, Source
from chartly.engine import parse_version
from chartly.registry.contract_evolution import About, Contract, ContractRevision, Reference, tags_of
from chartly.registry.contract_words import like
from chartly.registry.request import Request
from chartly.registry.tables import (
    contract_documents,
    contract_requests,
    contract_revisions,
    contract_uses,
    contract_words,
    contracts,
    profiles,
    revisions,
)
from chartly.runtime import Database, Transaction
from chartly.runtime.connections import Statement
from chartly.runtime.errors import RequestIdReused
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

A = TypeVar("A")
# Nine digits fit every column, and no revision has more.
_NUMBERS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,2}")
_r = contract_revisions.c
_newer = contract_revisions.alias("newer")
_same = and_(_newer.c.tenant == _r.tenant, _newer.c.contract_id == _r.contract_id, _newer.c.major == _r.major)
_REVISIONS = select(
    contract_revisions,
    (_r.revision == select(func.max(_newer.c.revision)).where(_same).scalar_subquery()).label("of_major"),
    (
        _r.revision == select(func.max(_newer.c.revision)).where(_same, _newer.c.minor == _r.minor).scalar_subquery()
    ).label("of_minor"),
    (_r.revision == contracts.c.revision).label("of_all"),
).join_from(
    contract_revisions, contracts, and_(_r.tenant == contracts.c.tenant, _r.contract_id == contracts.c.contract_id)
)
_LATEST = select(
    contracts,
    _r.version,
    _r.create_time.label("revision_time"),
    _r.changes,
    _r.references,
).join_from(
    contracts,
    contract_revisions,
    and_(
        _r.tenant == contracts.c.tenant,
        _r.contract_id == contracts.c.contract_id,
        _r.revision == contracts.c.revision,
    ),
)


# Statements that many calls need are made once: making one takes longer than running it.
_CONTRACT = _LATEST.where(
    contracts.c.tenant == bindparam("of_tenant"), contracts.c.contract_id == bindparam("of_contract")
)
_DOCUMENT = select(contract_documents.c.document).where(
    contract_documents.c.tenant == bindparam("of_tenant"), contract_documents.c.digest == bindparam("of_digest")
)
_FOLLOW = (
    update(contracts)
    .where(
        contracts.c.tenant == bindparam("of_tenant"),
        contracts.c.contract_id == bindparam("of_contract"),
        contracts.c.revision == bindparam("read_revision"),
        contracts.c.digest == bindparam("read_digest"),
        contracts.c.compatibility == bindparam("read_mode"),
    )
    .values({name: bindparam(name) for name in ("revision", "digest", "update_time")})
)
_ADD_CONTRACT, _ADD_REVISION, _ADD_DOCUMENT, _GAIN_WORD = (
    upsert(table).on_conflict_do_nothing()
    for table in (contracts, contract_revisions, contract_documents, contract_words)
)
_LOSE_WORD = delete(contract_words).where(
    contract_words.c.tenant == bindparam("of_tenant"),
    contract_words.c.word == bindparam("lost"),
    contract_words.c.contract_id == bindparam("of_contract"),
)


_REVISION = (
    _REVISIONS.where(_r.tenant == bindparam("of_tenant"), _r.contract_id == bindparam("of_contract"))
    .order_by(_r.revision.desc())
    .limit(1)
)
_of_major, _of_minor = _r.major == bindparam("of_major"), _r.minor == bindparam("of_minor")
# By how a revision is named.
_FIND = {
    "latest": _REVISION.where(_r.revision == contracts.c.revision),
    "digest": _REVISION.where(_r.digest == bindparam("of_digest")),
    "major": _REVISION.where(_of_major),
    "minor": _REVISION.where(_of_major, _of_minor),
    "version": _REVISION.where(_of_major, _of_minor, _r.version == bindparam("of_version")),
}
_documented = and_(contract_documents.c.tenant == _r.tenant, contract_documents.c.digest == _r.digest)
_FIND_WRITTEN = {
    name: query.add_columns(contract_documents.c.document).join(contract_documents, _documented)
    for name, query in _FIND.items()
}


class Moved(Exception):
    """The contract changed since it was read; whoever decided by what was read decides again."""


async def settled(operation: Callable[[], Awaitable[A]]) -> A:
    """Return what an operation answers, done again whenever a contract changed between its reading and its writing."""
    while True:
        try:
            return await operation()
        except Moved:
            continue


class ContractStore:
    """Contracts and their revisions; a revision that is there never changes, but its tags may move on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def contract(self, tenant: str, contract_id: str) -> Contract | None:
        """Return a contract with its latest revision."""
        rows = await self._database.ask(_CONTRACT, {"of_tenant": tenant, "of_contract": contract_id})
        return _contract(rows[0]) if rows else None

    async def list_contracts(self, tenant: str, words: Sequence[str], *, after: str, limit: int) -> list[Contract]:
        """Return at most `limit` contracts by name, those after one, that have a word beginning with each of the words."""
        query = _LATEST.where(contracts.c.tenant == tenant, contracts.c.contract_id > after)
        for word in words:
            query = query.where(contracts.c.contract_id.in_(_having(tenant, word)))
        return await self._contracts(query.order_by(contracts.c.contract_id).limit(limit))

    async def revision(self, tenant: str, contract_id: str, version: str) -> ContractRevision | None:
        """Return a revision by its version, a tag or its digest; of several with one digest, the newest."""
        row = await self._named(_FIND, tenant, contract_id, version)
        return None if row is None else _revision(row)

    async def written(self, tenant: str, contract_id: str, version: str) -> tuple[ContractRevision, Source] | None:
        """Return what `revision` does, with its document."""
        row = await self._named(_FIND_WRITTEN, tenant, contract_id, version)
        return None if row is None else (_revision(row), _source(row.document))

    async def list_revisions(
        self, tenant: str, contract_id: str, *, before: int | None = None, limit: int | None = None
    ) -> list[ContractRevision]:
        """Return at most `limit` revisions of a contract, newest first, those below a number."""
        query = _REVISIONS.where(*_is(contract_revisions, tenant, contract_id))
        if before is not None:
            query = query.where(_r.revision < before)
        return await self._revisions(query.order_by(_r.revision.desc()).limit(limit))

    async def document(self, tenant: str, digest: str) -> Source:
        """Return the document of a digest, which a revision has.

        Raises:
            Moved: the revision has been deleted since.
        """
        if not (rows := await self._database.ask(_DOCUMENT, {"of_tenant": tenant, "of_digest": digest})):
            raise Moved
        return _source(rows[0].document)

    async def _named(
        self, queries: Mapping[str, Select[Any]], tenant: str, contract_id: str, version: str
    ) -> Row[Any] | None:
        if (named := _name_of(version)) is None:
            return None
        kind, values = named
        of_contract = {"of_tenant": tenant, "of_contract": contract_id}
        rows = await self._database.ask(queries[kind], {**of_contract, **values})
        return rows[0] if rows else None

    async def _contracts(self, query: Select[Any]) -> list[Contract]:
        return [_contract(row) for row in await self._database.ask(query)]

    async def _revisions(self, query: Select[Any]) -> list[ContractRevision]:
        return [_revision(row) for row in await self._database.ask(query)]


class ContractTransaction:
    """One tenant's contracts, while nobody else writes."""

    def __init__(self, transaction: Transaction, tenant: str) -> None:
        self._transaction = transaction
        self._tenant = tenant

    async def answer_of(self, request: Request) -> ContractRevision | None:
        """Return what a request was answered with before.

        Raises:
            RequestIdReused: it was another request.
        """
        if not request.request_id:
            return None
        known = contract_requests.c
        query = select(contract_requests).where(known.tenant == self._tenant, known.request_id == request.request_id)
        if (row := (await self._transaction.execute(query)).one_or_none()) is None:
            return None
        if row.digest != request.digest:
            raise RequestIdReused(request.request_id)
        answered = _REVISIONS.where(
            *_is(contract_revisions, self._tenant, row.contract_id), _r.revision == row.revision
        )
        return _revision((await self._transaction.execute(answered)).one())

    async def answer(self, request: Request, revision: ContractRevision) -> None:
        """Remember what a request is answered with; one without an id is not remembered."""
        if request.request_id:
            about = {"contract_id": revision.contract_id, "revision": revision.revision}
            row = {"tenant": self._tenant, **request._asdict(), **about}
            await self._transaction.execute(insert(contract_requests), row)

    async def create(self, contract: Contract, source: Source, words: Iterable[str]) -> None:
        """Add a contract with its first revision.

        Raises:
            Moved: there is one of that name now, or a revision that it refers to is gone.
        """
        row = {
            "tenant": self._tenant,
            "contract_id": contract.contract_id,
            "kind": contract.kind.value,
            **_about_row(contract.about),
            **_head_row(contract.latest),
            "create_time": contract.create_time,
            "update_time": contract.update_time,
        }
        head = Statement(_ADD_CONTRACT, row)
        await self._append(head, contract.latest, source, gained=words, lost=())

    async def follow(
        self,
        contract: Contract,
        revision: ContractRevision,
        source: Source,
        *,
        gained: Iterable[str],
        lost: Iterable[str],
    ) -> None:
        """Make a revision the latest of a contract.

        Args:
            gained, lost: words that the contract is found by from now on, and those that it no longer is.

        Raises:
            Moved: the contract's mode or latest revision is another than was read, or a revision that it refers to is gone.
        """
        values = {
            "of_tenant": self._tenant,
            "of_contract": contract.contract_id,
            "read_revision": contract.latest.revision,
            "read_digest": contract.latest.digest,
            "read_mode": contract.about.mode.value,
            "update_time": revision.create_time,
            **_head_row(revision),
        }
        await self._append(Statement(_FOLLOW, values), revision, source, gained=gained, lost=lost)

    async def say(self, contract: Contract, about: About, update_time: datetime) -> None:
        """Change what is said about a contract.

        Raises:
            Moved: the contract is gone, or something about it is another than was read.
        """
        mine = _is(contracts, self._tenant, contract.contract_id)
        read = {**_head_row(contract.latest), **_about_row(contract.about), "update_time": contract.update_time}
        # Labels are JSON, which not every database compares; the time stands for them.
        still = [contracts.c[name] == value for name, value in read.items() if name != "labels"]
        values = {**_about_row(about), "update_time": update_time}
        changed = await self._transaction.execute(update(contracts).where(*mine, *still).values(**values))
        if not changed.rowcount:
            raise Moved

    async def find_by(self, contract_id: str, *, gained: Iterable[str], lost: Iterable[str]) -> None:
        """Change the words that a contract is found by."""
        await self._transaction.execute_all(self._wording(contract_id, gained, lost))

    async def used_by(self, contract_id: str) -> str:
        """Return a profile or another contract that refers to a contract, as in `profiles/web-orders`; empty for none."""
        uses = contract_uses.c
        of_contract = select(uses.used_by).where(
            *_is(contract_uses, self._tenant, contract_id), uses.used_by != contract_id
        )
        if user := await self._transaction.scalar(of_contract.order_by(uses.used_by).limit(1)):
            return f"contracts/{user}"
        same = (profiles.c.tenant == revisions.c.tenant, profiles.c.profile_id == revisions.c.profile_id)
        of_profile = (
            select(revisions.c.profile_id)
            .join_from(revisions, profiles, and_(*same, profiles.c.revision == revisions.c.revision))
            .where(*_is(revisions, self._tenant, contract_id), ~profiles.c.deleted)
        )
        user = await self._transaction.scalar(of_profile.order_by(revisions.c.profile_id).limit(1))
        return f"profiles/{user}" if user else ""

    async def delete(self, contract_id: str) -> bool:
        """Delete a contract with all that is its own; return whether it was there."""
        digests = select(_r.digest).where(*_is(contract_revisions, self._tenant, contract_id))
        found = {row.digest for row in await self._transaction.execute(digests)}
        for table in (contract_revisions, contract_words, contract_requests):
            await self._transaction.execute(delete(table).where(*_is(table, self._tenant, contract_id)))
        uses = contract_uses.c
        await self._transaction.execute(
            delete(contract_uses).where(uses.tenant == self._tenant, uses.used_by == contract_id)
        )
        await self._drop_documents(found)
        gone = await self._transaction.execute(delete(contracts).where(*_is(contracts, self._tenant, contract_id)))
        return bool(gone.rowcount)

    async def _append(
        self, head: Statement, revision: ContractRevision, source: Source, *, gained: Iterable[str], lost: Iterable[str]
    ) -> None:
        await self._check_references(revision)
        added = Statement(_ADD_REVISION, self._row(revision))
        kept = {"tenant": self._tenant, "digest": revision.digest, "document": _document(source)}
        document = Statement(_ADD_DOCUMENT, kept)
        words = self._wording(revision.contract_id, gained, lost)
        is_first, is_next, *_ = await self._transaction.execute_all([head, added, document, *words])
        if not is_first.rowcount or not is_next.rowcount:
            raise Moved

    def _row(self, revision: ContractRevision) -> dict[str, Any]:
        major, minor, _ = parse_version(revision.version)
        return {
            "tenant": self._tenant,
            "contract_id": revision.contract_id,
            "revision": revision.revision,
            "version": revision.version,
            "major": major,
            "minor": minor,
            "digest": revision.digest,
            "create_time": revision.create_time,
            "changes": [asdict(change) for change in revision.changes],
            "references": [list(astuple(reference)) for reference in revision.references],
        }

    def _wording(self, contract_id: str, gained: Iterable[str], lost: Iterable[str]) -> list[Statement]:
        more = [{"tenant": self._tenant, "contract_id": contract_id, "word": word} for word in sorted(gained)]
        fewer = [{"of_tenant": self._tenant, "of_contract": contract_id, "lost": word} for word in sorted(lost)]
        added = [Statement(_GAIN_WORD, more)] if more else []
        return [*added, Statement(_LOSE_WORD, fewer)] if fewer else added

    async def check_there(self, contract_id: str, digest: str) -> None:
        """Make sure that a revision that was read is still there.

        Raises:
            Moved: it is gone.
        """
        query = select(_r.revision).where(*_is(contract_revisions, self._tenant, contract_id), _r.digest == digest)
        if await self._transaction.scalar(query.limit(1)) is None:
            raise Moved

    async def _check_references(self, revision: ContractRevision) -> None:
        for reference in revision.references:
            await self.check_there(reference.contract_id, reference.digest)
            use = {
                "tenant": self._tenant,
                "contract_id": reference.contract_id,
                "used_by": revision.contract_id,
            }
            await self._transaction.execute(upsert(contract_uses).on_conflict_do_nothing(), use)

    async def _drop_documents(self, digests: set[str]) -> None:
        documents = contract_documents.c
        used = exists().where(_r.tenant == documents.tenant, _r.digest == documents.digest)
        for digest in digests:
            mine = (documents.tenant == self._tenant, documents.digest == digest)
            await self._transaction.execute(delete(contract_documents).where(*mine, ~used))


def _is(table: Any, tenant: str, contract_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.tenant == tenant, table.c.contract_id == contract_id


def _name_of(version: str) -> tuple[str, dict[str, Any]] | None:
    """Return how a revision is named and by which values; None for what can name none."""
    if version == "latest":
        return "latest", {}
    if version.startswith("sha256:"):
        return "digest", {"of_digest": version}
    if not _NUMBERS.fullmatch(version):
        return None
    numbers = dict(zip(("of_major", "of_minor"), map(int, version.split(".")), strict=False))
    kind = ("major", "minor", "version")[version.count(".")]
    return kind, {**numbers, "of_version": version} if kind == "version" else numbers


def _having(tenant: str, word: str) -> Select[tuple[str]]:
    words, end = contract_words.c, like(word)
    return select(words.contract_id).where(words.tenant == tenant, words.word >= word, words.word < end)


def _head_row(latest: ContractRevision) -> dict[str, Any]:
    return {"revision": latest.revision, "digest": latest.digest}


def _about_row(about: About) -> dict[str, Any]:
    return {
        "compatibility": about.mode.value,
        "description": about.description,
        "owner": about.owner,
        "labels": list(about.labels),
        "deprecation": about.deprecation,
    }


def _contract(row: Any) -> Contract:
    latest = ContractRevision(
        row.contract_id,
        row.digest,
        row.version,
        row.revision,
        row.revision_time,
        _changes(row.changes),
        _references(row.references),
        tags_of(row.version, latest=True, major=True, minor=True),
    )
    about = About(Mode(row.compatibility), row.description, row.owner, tuple(row.labels), row.deprecation)
    return Contract(row.contract_id, Kind(row.kind), about, latest, row.create_time, row.update_time)


def _revision(row: Any) -> ContractRevision:
    return ContractRevision(
        row.contract_id,
        row.digest,
        row.version,
        row.revision,
        row.create_time,
        _changes(row.changes),
        _references(row.references),
        tags_of(row.version, latest=row.of_all, major=row.of_major, minor=row.of_minor),
    )


def _changes(stored: Iterable[dict[str, Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(**{**change, "layer": Layer(change["layer"])}) for change in stored)


def _references(stored: Iterable[Sequence[str]]) -> tuple[Reference, ...]:
    return tuple(Reference(*reference) for reference in stored)


def _document(source: Source) -> bytes:
    files = [ContractFile(path=path, text=text) for path, text in source.files.items()]
    kind = ContractKind.Value(f"CONTRACT_KIND_{source.kind}")
    return ContractDocument(kind=kind, files=files, message=source.message).SerializeToString(deterministic=True)


def _source(document: bytes) -> Source:
    message = ContractDocument.FromString(document)
    kind = Kind(ContractKind.Name(message.kind).removeprefix("CONTRACT_KIND_"))
    return Source(kind, {file.path: file.text for file in message.files}, message.message)
