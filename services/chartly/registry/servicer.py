"""The RPCs of the registry."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NoReturn

from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.registry import convert, documents, evolution, watching
from chartly.registry.contract_errors import ContractNotFound, ContractNotMet, ContractRevisionNotFound
from chartly.registry.contract_keeper import ContractKeeper
from chartly.registry.contract_meeting import contract_named
from chartly.registry.contract_servicer import ContractsServicer
from chartly.registry.contract_store import settled
from chartly.registry.errors import InvalidProfile, ProfileNotFound, RevisionNotFound, RevisionRefused
from chartly.registry.evolution import Revision
from chartly.registry.request import Request, request_of
from chartly.registry.store import RegistryStore
from chartly.runtime import ChartlyError, Context
from chartly.runtime.bell import Bell
from chartly.runtime.pages import page_size
from google.api.httpbody_pb2 import HttpBody

Decide = Callable[[list[Revision]], Revision]


class RegistryServicer(ContractsServicer):
    """Keeps profiles and contracts as immutable revisions and says what may follow what."""

    def __init__(self, store: RegistryStore, *, now: Callable[[], datetime]) -> None:
        super().__init__(ContractKeeper(store.database, now=now))
        self._store = store
        self._now = now
        self._bell = Bell()

    async def CreateProfile(self, request: pb.CreateProfileRequest, context: Context) -> pb.CreateProfileResponse:
        draft = await documents.profile_of(request)
        context.audit_resource(f"profiles/{draft.profile_id}")
        decide = partial(evolution.create, draft=draft, create_time=self._now())
        revision = await self._save(request_of(request), draft, decide, context)
        return pb.CreateProfileResponse(revision=convert.revision_message(revision))

    async def UpdateProfile(self, request: pb.UpdateProfileRequest, context: Context) -> pb.UpdateProfileResponse:
        draft = await documents.profile_of(request)
        documents.check_name(draft, request.profile_id)
        decide = partial(evolution.update, draft=draft, base_revision=request.base_revision, create_time=self._now())
        revision = await self._save(request_of(request), draft, decide, context)
        return pb.UpdateProfileResponse(revision=convert.revision_message(revision))

    async def GetProfile(self, request: pb.GetProfileRequest, context: Context) -> pb.GetProfileResponse:
        revision = await self._living(request.profile_id, context)
        return pb.GetProfileResponse(revision=convert.revision_message(revision))

    async def ListProfiles(self, request: pb.ListProfilesRequest, context: Context) -> pb.ListProfilesResponse:
        limit, after = page_size(request.page_size), convert.profile_after(request.page_token)
        found = await self._store.list_profiles(context.principal.tenant, after=after, limit=limit + 1)
        return convert.profiles_page(found, limit)

    async def DeleteProfile(self, request: pb.DeleteProfileRequest, context: Context) -> pb.DeleteProfileResponse:
        async with self._store.transaction(context.principal.tenant) as transaction:
            history = await transaction.history(request.profile_id)
            if not history:
                raise ProfileNotFound(request.profile_id)
            if not history[-1].deleted:
                await transaction.delete(history[-1])
        self._bell.ring()
        return pb.DeleteProfileResponse()

    async def ListRevisions(self, request: pb.ListRevisionsRequest, context: Context) -> pb.ListRevisionsResponse:
        limit, before = page_size(request.page_size), convert.revision_before(request)
        tenant, profile_id = context.principal.tenant, request.profile_id
        found = await self._store.list_revisions(tenant, profile_id, before=before, limit=limit + 1)
        if not found:
            raise ProfileNotFound(profile_id)
        return convert.revisions_page(found, limit)

    async def GetRevision(self, request: pb.GetRevisionRequest, context: Context) -> pb.GetRevisionResponse:
        tenant, profile_id = context.principal.tenant, request.profile_id
        revision = await self._store.revision(tenant, profile_id, request.version)
        if revision is None:
            known = await self._store.latest(tenant, profile_id)
            raise RevisionNotFound(profile_id, request.version) if known else ProfileNotFound(profile_id)
        return pb.GetRevisionResponse(revision=convert.revision_message(revision))

    async def ValidateProfile(self, request: pb.ValidateProfileRequest, context: Context) -> pb.ValidateProfileResponse:
        try:
            draft = await documents.profile_of(request)
        except InvalidProfile as refusal:
            return convert.problems_message(refusal)
        history = await self._store.history(context.principal.tenant, draft.profile_id)
        latest = history[-1] if history else None
        try:
            revision = evolution.preview(history, draft, create_time=self._now())
            if latest is None or revision.revision != latest.revision:
                revision = (await self._pin(draft, context.principal.tenant))(revision)
        except RevisionRefused as refusal:
            return convert.refusal_message(refusal, latest)
        except (ContractNotFound, ContractRevisionNotFound, ContractNotMet) as refusal:
            return convert.unmet_message(refusal, latest)
        return convert.preview_message(revision, latest, await self._warnings(draft, context.principal.tenant))

    async def GetOutputContract(self, request: pb.GetOutputContractRequest, context: Context) -> HttpBody:
        return convert.contract_body(await self._living(request.profile_id, context), request.format)

    async def WatchProfiles(
        self, request: pb.WatchProfilesRequest, context: Context
    ) -> AsyncGenerator[pb.WatchProfilesResponse]:
        async for answer in watching.changes(self._store, self._bell, context.principal.tenant):
            yield answer

    async def _save(self, request: Request, draft: Profile, decide: Decide, context: Context) -> Revision:
        revision = await settled(lambda: self._try_save(request, draft, decide, context.principal.tenant))
        self._bell.ring()
        return revision

    async def _try_save(self, request: Request, draft: Profile, decide: Decide, tenant: str) -> Revision:
        pin = await self._pin(draft, tenant)
        async with self._store.transaction(tenant) as transaction:
            if (answered := await transaction.answer_of(request)) is not None:
                return answered
            history = await transaction.history(draft.profile_id)
            latest = history[-1] if history else None
            revision = decide(history)
            if latest is None or revision.revision != latest.revision:
                revision = pin(revision)
                if revision.contract_digest:
                    await transaction.contracts.check_there(contract_named(draft)[0], revision.contract_digest)
            await transaction.save(revision, latest=latest, answers=request)
        return revision

    async def _pin(self, draft: Profile, tenant: str) -> Callable[[Revision], Revision]:
        """Return what gives a new revision its contract, or refuses it; one that is there keeps the contract that it has."""
        try:
            contract = await self._keeper.meeting(tenant, draft)
        except (ContractNotFound, ContractRevisionNotFound, ContractNotMet) as error:
            return partial(_refuse, error)
        return lambda revision: replace(revision, contract_digest=contract.digest if contract else "")

    async def _warnings(self, draft: Profile, tenant: str) -> list[str]:
        contract = await self._keeper.store.contract(tenant, contract_named(draft)[0]) if draft.contract else None
        deprecation = contract.about.deprecation if contract else ""
        return [f"contract {draft.contract} is deprecated: {deprecation}"] if deprecation else []

    async def _living(self, profile_id: str, context: Context) -> Revision:
        revision = await self._store.latest(context.principal.tenant, profile_id)
        if revision is None or revision.deleted:
            raise ProfileNotFound(profile_id)
        return revision


def _refuse(error: ChartlyError, revision: Revision) -> NoReturn:
    raise error
