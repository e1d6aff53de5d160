"""The RPCs of contracts."""

from __future__ import annotations

from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.api.registry.v1 import registry_pb2_grpc
from chartly.registry import contract_convert as convert
from chartly.registry.contract_documents import source_of
from chartly.registry.contract_errors import ContractNotFound, InvalidContract
from chartly.registry.contract_keeper import ContractKeeper
from chartly.registry.contract_store import settled
from chartly.registry.request import request_of
from chartly.runtime import Context
from chartly.runtime.pages import page_size
from google.api.httpbody_pb2 import HttpBody


class ContractsServicer(registry_pb2_grpc.RegistryServiceServicer):
    """Keeps contracts as immutable revisions, each of which keeps what its contract's mode says."""

    def __init__(self, keeper: ContractKeeper) -> None:
        self._keeper = keeper

    async def CreateContractRevision(
        self, request: pb.CreateContractRevisionRequest, context: Context
    ) -> pb.CreateContractRevisionResponse:
        source, references = source_of(request)
        wanted = convert.wanted_revision(request)
        revision = await settled(
            lambda: self._keeper.save(context.principal.tenant, wanted, source, references, request_of(request))
        )
        return pb.CreateContractRevisionResponse(revision=convert.revision_message(revision))

    async def UpdateContract(self, request: pb.UpdateContractRequest, context: Context) -> pb.UpdateContractResponse:
        changes = convert.about_changes(request)
        contract = await settled(lambda: self._keeper.update(context.principal.tenant, request.contract_id, changes))
        return pb.UpdateContractResponse(contract=convert.contract_message(contract))

    async def GetContract(self, request: pb.GetContractRequest, context: Context) -> pb.GetContractResponse:
        contract = await self._keeper.contract(context.principal.tenant, request.contract_id)
        return pb.GetContractResponse(contract=convert.contract_message(contract))

    async def ListContracts(self, request: pb.ListContractsRequest, context: Context) -> pb.ListContractsResponse:
        limit, after = page_size(request.page_size), convert.contract_after(request)
        tenant, words = context.principal.tenant, convert.query_of(request)
        found = await self._keeper.store.list_contracts(tenant, words, after=after, limit=limit + 1)
        return convert.contracts_page(request, found, limit)

    async def DeleteContract(self, request: pb.DeleteContractRequest, context: Context) -> pb.DeleteContractResponse:
        await self._keeper.delete(context.principal.tenant, request.contract_id)
        return pb.DeleteContractResponse()

    async def ListContractRevisions(
        self, request: pb.ListContractRevisionsRequest, context: Context
    ) -> pb.ListContractRevisionsResponse:
        limit, before = page_size(request.page_size), convert.revision_before(request)
        tenant, contract_id = context.principal.tenant, request.contract_id
        found = await self._keeper.store.list_revisions(tenant, contract_id, before=before, limit=limit + 1)
        if not found:
            raise ContractNotFound(contract_id)
        return convert.revisions_page(found, limit)

    async def GetContractRevision(
        self, request: pb.GetContractRevisionRequest, context: Context
    ) -> pb.GetContractRevisionResponse:
        revision, source = await self._keeper.written(context.principal.tenant, request.contract_id, request.version)
        return pb.GetContractRevisionResponse(revision=convert.revision_message(revision, source))

    async def ValidateContract(
        self, request: pb.ValidateContractRequest, context: Context
    ) -> pb.ValidateContractResponse:
        try:
            source, references = source_of(request)
            form, lint = await settled(lambda: self._keeper.lint(context.principal.tenant, source, references))
        except InvalidContract as refusal:
            return pb.ValidateContractResponse(problems=convert.problem_messages(refusal.problems))
        return pb.ValidateContractResponse(lint=convert.problem_messages(lint), digest=form.digest)

    async def CheckCompatibility(
        self, request: pb.CheckCompatibilityRequest, context: Context
    ) -> pb.CheckCompatibilityResponse:
        source, references = source_of(request)
        tenant, contract_id, mode = context.principal.tenant, request.contract_id, convert.mode_of(request.mode)
        judgement = await settled(lambda: self._keeper.check(tenant, contract_id, source, references, mode))
        return pb.CheckCompatibilityResponse(report=convert.report_message(judgement))

    async def DiffContractRevisions(
        self, request: pb.DiffContractRevisionsRequest, context: Context
    ) -> pb.DiffContractRevisionsResponse:
        tenant, base, target = context.principal.tenant, request.base, request.target or "latest"
        judgement = await settled(lambda: self._keeper.diff(tenant, request.contract_id, base, target))
        return pb.DiffContractRevisionsResponse(report=convert.report_message(judgement))

    async def ExportContract(self, request: pb.ExportContractRequest, context: Context) -> HttpBody:
        tenant, contract_id, version = context.principal.tenant, request.contract_id, request.version
        content_type, data = await settled(lambda: self._keeper.export(tenant, contract_id, version, request.format))
        return HttpBody(content_type=content_type, data=data)
