"""Contracts as they are compared: each document is read once, and as many as fit stay in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ParamSpec, TypeVar

from chartly import engine
from chartly.contracts import documents
from chartly.contracts.documents import Form, Kind, Source
from chartly.engine import Problem
from chartly.registry.contract_errors import InvalidContract
from chartly.registry.contract_evolution import ContractRevision, Earlier, Reference
from chartly.registry.contract_store import ContractStore

MAX_CACHE_BYTES = 128 << 20
MAX_DEPTH = 16
MAX_NEEDED_BYTES = 32 << 20
P = ParamSpec("P")
R = TypeVar("R")
# Reading or comparing small documents takes less than the way to another thread.
_SMALL_BYTES = 16 << 10


class Forms:
    """Reads documents and keeps what it read, by tenant and digest, up to `max_bytes`; the least recently used goes first."""

    def __init__(self, store: ContractStore, *, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[str, str], Form] = OrderedDict()
        self._kept_bytes = 0

    async def read(
        self, tenant: str, source: Source, references: Sequence[Reference]
    ) -> tuple[Form, tuple[Reference, ...]]:
        """Return a document as it is compared, and its references with the revisions that they lead to now.

        Raises:
            InvalidContract: with every problem of the document, or every reference that leads nowhere.
        """
        pinned = await self._pinned(tenant, references)
        form = await _read(source, await self._needed(tenant, pinned, {}, 1))
        self._keep(tenant, form)
        return form, pinned

    async def of(self, tenant: str, revision: ContractRevision) -> Form:
        """Return a saved revision as it is compared."""
        return await self._of(tenant, revision.digest, revision.references, {}, 0)

    async def earlier(self, tenant: str, revisions: Sequence[ContractRevision]) -> list[Earlier]:
        """Return saved revisions as they are compared with."""
        return [Earlier(revision.version, await self.of(tenant, revision)) for revision in revisions]

    def _keep(self, tenant: str, form: Form) -> None:
        if (tenant, form.digest) in self._kept or form.size_bytes > self._max_bytes:
            return
        self._kept[tenant, form.digest] = form
        self._kept_bytes += form.size_bytes
        while self._kept_bytes > self._max_bytes:
            self._kept_bytes -= self._kept.popitem(last=False)[1].size_bytes

    async def _of(
        self, tenant: str, digest: str, references: Sequence[Reference], met: dict[str, Form], depth: int
    ) -> Form:
        if (form := self._kept.get((tenant, digest))) is not None:
            self._kept.move_to_end((tenant, digest))
            return form
        source = await self._store.document(tenant, digest)
        form = await _read(source, await self._needed(tenant, references, met, depth + 1))
        self._keep(tenant, form)
        return form

    async def _pinned(self, tenant: str, references: Sequence[Reference]) -> tuple[Reference, ...]:
        found = [
            (each, await self._store.revision(tenant, each.contract_id, each.version or "latest"))
            for each in references
        ]
        if missing := [each for each, revision in found if revision is None]:
            raise InvalidContract([_missing(each) for each in missing])
        return tuple(
            replace(each, version=revision.version, digest=revision.digest) for each, revision in found if revision
        )

    async def _needed(
        self, tenant: str, references: Sequence[Reference], met: dict[str, Form], depth: int
    ) -> dict[str, Form]:
        """Return what references lead to, by the names that they have; `met` has each contract once, so a diamond stays small."""
        if references and depth > MAX_DEPTH:
            raise _refused("REFERENCES_TOO_DEEP", f"its references lead through more than {MAX_DEPTH} contracts")
        for reference in references:
            if reference.digest not in met:
                revision = await self._store.revision(tenant, reference.contract_id, reference.digest)
                inner = revision.references if revision else ()
                met[reference.digest] = await self._of(tenant, reference.digest, inner, met, depth)
        if sum(form.source.size_bytes for form in met.values()) > MAX_NEEDED_BYTES:
            raise _refused("REFERENCES_TOO_LARGE", f"what it refers to has more than {MAX_NEEDED_BYTES} bytes together")
        return {reference.name: met[reference.digest] for reference in references}


async def apart(sources: Iterable[Source], work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Return what work on documents answers; what is not small is done in another thread, while others are served."""
    if sum(source.size_bytes for source in sources) < _SMALL_BYTES:
        return work(*arguments, **named)
    return await asyncio.to_thread(work, *arguments, **named)


def sources_of(forms: Iterable[Form]) -> list[Source]:
    """Return the documents of forms and those that they refer to."""
    return [source for form in forms for source in (form.source, *sources_of(form.references.values()))]


async def _read(source: Source, needed: dict[str, Form]) -> Form:
    try:
        if source.kind is Kind.PROTO:
            return await asyncio.to_thread(documents.read, source, needed)
        return await apart([source, *sources_of(needed.values())], documents.read, source, needed)
    except engine.InvalidDocument as error:
        raise InvalidContract(error.problems) from None


def _missing(reference: Reference) -> Problem:
    wanted = f"{reference.contract_id}@{reference.version or 'latest'}"
    message = f"{reference.name} refers to {wanted}, which is not there; save it first"
    return Problem(0, 0, "references", "REFERENCE_NOT_FOUND", message)


def _refused(rule: str, message: str) -> InvalidContract:
    return InvalidContract([Problem(0, 0, "references", rule, message)])
