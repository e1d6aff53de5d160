"""What can be done with contracts: documents are read and judged first, then saved if nothing has moved meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.contracts import Finding, Layer, Mode, documents
from chartly.contracts.documents import Form, Source
from chartly.contracts.errors import NotExportable
from chartly.contracts.rows.exports import FORMATS
from chartly.engine import Problem
from chartly.registry import contract_evolution as evolution
from chartly.registry.contract_errors import (
    ContractInUse,
    ContractNotExportable,
    ContractNotFound,
    ContractNotMet,
    ContractRevisionNotFound,
    UnknownFormat,
)
from chartly.registry.contract_evolution import Contract, ContractRevision, Draft, Earlier, Judgement, Reference, Wanted
from chartly.registry.contract_forms import Forms, apart, sources_of
from chartly.registry.contract_meeting import contract_named, unmet
from chartly.registry.contract_store import ContractStore, ContractTransaction
from chartly.registry.contract_words import words_of
from chartly.registry.request import Request
from chartly.runtime import Database


class ContractKeeper:
    """All tenants' contracts. Whatever raises Moved has done nothing, and may be done again."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self.store = ContractStore(database)
        self.forms = Forms(self.store)
        self._database = database
        self._now = now

    async def contract(self, tenant: str, contract_id: str) -> Contract:
        """Return a contract.

        Raises:
            ContractNotFound: there is none of that name.
        """
        contract = await self.store.contract(tenant, contract_id)
        if contract is None:
            raise ContractNotFound(contract_id)
        return contract

    async def revision(self, tenant: str, contract_id: str, version: str) -> ContractRevision:
        """Return a revision by its version, a tag or its digest.

        Raises:
            ContractNotFound: there is no contract of that name.
            ContractRevisionNotFound: it has no such revision.
        """
        revision = await self.store.revision(tenant, contract_id, version)
        if revision is None:
            await self.contract(tenant, contract_id)
            raise ContractRevisionNotFound(contract_id, version)
        return revision

    async def written(self, tenant: str, contract_id: str, version: str) -> tuple[ContractRevision, Source]:
        """Return a revision, by its version, a tag or its digest, and its document.

        Raises:
            ContractNotFound, ContractRevisionNotFound: as `revision` does.
        """
        if (found := await self.store.written(tenant, contract_id, version)) is None:
            await self.contract(tenant, contract_id)
            raise ContractRevisionNotFound(contract_id, version)
        return found

    async def save(
        self, tenant: str, wanted: Wanted, source: Source, references: Sequence[Reference], request: Request
    ) -> ContractRevision:
        """Save a document as the next revision of a contract, or its first; one equal to the latest adds nothing.

        Raises:
            InvalidContract: with every problem of the document.
            ContractIncompatible, ContractVersionTooLow: it cannot follow the latest.
            RequestIdReused: the request's id came with another request before.
            Moved: the contract has changed meanwhile.
        """
        contract = await self.store.contract(tenant, wanted.contract_id)
        form, pinned = await self.forms.read(tenant, source, references)
        draft = Draft(wanted, form, pinned)
        if contract is None:
            return await self._create(tenant, draft, request)
        evolution.check_kind(contract, form)
        if contract.latest.digest == form.digest:
            return await self._answer(tenant, contract.latest, request)
        return await self._follow(tenant, contract, draft, request)

    async def update(self, tenant: str, contract_id: str, changes: Mapping[str, Any]) -> Contract:
        """Change what is said about a contract.

        Args:
            changes: fields of `About` and their new values.

        Raises:
            ContractNotFound: there is none of that name.
            Moved: it has changed meanwhile.
        """
        contract = await self.contract(tenant, contract_id)
        changed = replace(contract, about=replace(contract.about, **changes), update_time=self._now())
        if changed.about == contract.about:
            return contract
        names = (await self.forms.of(tenant, contract.latest)).names
        before, after = _words(contract, names), _words(changed, names)
        async with self._transaction(tenant) as transaction:
            await transaction.say(contract, changed.about, changed.update_time)
            await transaction.find_by(contract_id, gained=after - before, lost=before - after)
        return changed

    async def delete(self, tenant: str, contract_id: str) -> None:
        """Delete a contract with its revisions.

        Raises:
            ContractInUse: a profile or another contract refers to it.
            ContractNotFound: there is none of that name.
        """
        async with self._transaction(tenant) as transaction:
            if user := await transaction.used_by(contract_id):
                raise ContractInUse(contract_id, user)
            if not await transaction.delete(contract_id):
                raise ContractNotFound(contract_id)

    async def lint(
        self, tenant: str, source: Source, references: Sequence[Reference]
    ) -> tuple[Form, Sequence[Problem]]:
        """Return a document as it is compared, and what could be better about it.

        Raises:
            InvalidContract: with every problem of the document.
        """
        form, pinned = await self.forms.read(tenant, source, references)
        known = [(each, await self.store.contract(tenant, each.contract_id)) for each in pinned]
        outdated = [
            evolution.deprecated(each, contract.about.deprecation)
            for each, contract in known
            if contract and contract.about.deprecation
        ]
        advice = await apart(sources_of([form]), documents.lint, form)
        return form, [*advice, *outdated]

    async def check(
        self, tenant: str, contract_id: str, source: Source, references: Sequence[Reference], mode: Mode | None
    ) -> Judgement:
        """Return what a document would change as the next revision, judged by a mode, the contract's own by default.

        Raises:
            ContractNotFound: there is no contract of that name.
            InvalidContract: with every problem of the document.
        """
        contract = await self.contract(tenant, contract_id)
        form, _ = await self.forms.read(tenant, source, references)
        evolution.check_kind(contract, form)
        return await self._judge(tenant, contract, form, mode or contract.about.mode)

    async def diff(self, tenant: str, contract_id: str, base: str, target: str) -> Judgement:
        """Return what changed from one revision of a contract to another.

        Raises:
            ContractNotFound, ContractRevisionNotFound: there is none of that name or version.
        """
        contract = await self.contract(tenant, contract_id)
        revisions = [await self.revision(tenant, contract_id, version) for version in (base, target)]
        old, new = await self.forms.earlier(tenant, revisions)
        return await _judged([old], new.form, contract.about.mode)

    async def export(self, tenant: str, contract_id: str, version: str, wanted: str) -> tuple[str, bytes]:
        """Return a revision in another form, as its media type and bytes; as a JSON Schema where no form is asked for.

        Raises:
            ContractNotFound, ContractRevisionNotFound: there is none of that name or version.
            UnknownFormat: there is no such form.
            ContractNotExportable: the contract says what the form cannot carry.
        """
        form_name = wanted or FORMATS[0]
        if form_name not in FORMATS:
            raise UnknownFormat(form_name, FORMATS)
        revision = await self.revision(tenant, contract_id, version)
        form = await self.forms.of(tenant, revision)
        status = "deprecated" if (await self.contract(tenant, contract_id)).about.deprecation else "active"
        try:
            return await apart(
                sources_of([form]),
                documents.export,
                form,
                form_name,
                name=contract_id,
                version=revision.version,
                status=status,
            )
        except NotExportable as error:
            raise ContractNotExportable(contract_id, form=form_name, path=error.path, problem=error.message) from None

    async def meeting(self, tenant: str, profile: Profile) -> ContractRevision | None:
        """Return the revision of the contract that a profile names, which its records meet; None where it names none.

        Raises:
            ContractNotFound, ContractRevisionNotFound: there is none of that name or version.
            ContractNotMet: its fields allow a record that does not meet it.
        """
        if not profile.contract:
            return None
        contract_id, version = contract_named(profile)
        revision = await self.revision(tenant, contract_id, version)
        form = await self.forms.of(tenant, revision)
        try:
            findings = evolution.capped(await asyncio.to_thread(unmet, profile, form))
        except NotExportable as error:
            findings = (Finding(Layer.RULES, "CONTRACT_WITHOUT_RECORDS", "contract", error.message),)
        if findings:
            raise ContractNotMet(profile.profile_id, contract_id, revision.version, findings)
        return revision

    async def _create(self, tenant: str, draft: Draft, request: Request) -> ContractRevision:
        contract = evolution.create(draft, create_time=self._now())
        async with self._transaction(tenant) as transaction:
            if (answered := await transaction.answer_of(request)) is not None:
                return answered
            await transaction.create(contract, draft.form.source, _words(contract, draft.form.names))
            await transaction.answer(request, contract.latest)
        return contract.latest

    async def _follow(self, tenant: str, contract: Contract, draft: Draft, request: Request) -> ContractRevision:
        judgement = await self._judge(tenant, contract, draft.form, contract.about.mode)
        before = _words(contract, (await self.forms.of(tenant, contract.latest)).names)
        after = _words(contract, draft.form.names)
        async with self._transaction(tenant) as transaction:
            if (answered := await transaction.answer_of(request)) is not None:
                return answered
            revision = evolution.follow(contract, judgement, draft, create_time=self._now())
            gained, lost = after - before, before - after
            await transaction.follow(contract, revision, draft.form.source, gained=gained, lost=lost)
            await transaction.answer(request, revision)
        return revision

    async def _answer(self, tenant: str, latest: ContractRevision, request: Request) -> ContractRevision:
        async with self._transaction(tenant) as transaction:
            if (answered := await transaction.answer_of(request)) is not None:
                return answered
            await transaction.answer(request, latest)
        return latest

    async def _judge(self, tenant: str, contract: Contract, form: Form, mode: Mode) -> Judgement:
        revisions = [contract.latest]
        if mode.is_transitive:
            revisions = await self.store.list_revisions(tenant, contract.contract_id)
        return await _judged(await self.forms.earlier(tenant, revisions), form, mode)

    @asynccontextmanager
    async def _transaction(self, tenant: str) -> AsyncIterator[ContractTransaction]:
        async with self._database.transaction() as turn:
            yield ContractTransaction(turn, tenant)


async def _judged(history: Sequence[Earlier], form: Form, mode: Mode) -> Judgement:
    compared = sources_of([form, *(earlier.form for earlier in history)])
    return await apart(compared, evolution.judge, history, form, mode)


def _words(contract: Contract, names: frozenset[str]) -> frozenset[str]:
    return words_of(contract.contract_id, contract.about, names)
