"""The RPCs of audit."""

from __future__ import annotations

from chartly.api.audit.v1 import audit_pb2 as pb
from chartly.api.audit.v1 import audit_pb2_grpc
from chartly.audit import convert
from chartly.audit.errors import EntryNotFound
from chartly.audit.store import AuditStore
from chartly.runtime import Context
from chartly.runtime.pages import page_size


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Keeps the audit entries of all services in one append-only Merkle log (RFC 6962)."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    async def AppendEntries(self, request: pb.AppendEntriesRequest, context: Context) -> pb.AppendEntriesResponse:
        return pb.AppendEntriesResponse(indexes=await self._store.append(request.events))

    async def ListEntries(self, request: pb.ListEntriesRequest, context: Context) -> pb.ListEntriesResponse:
        limit, wanted = page_size(request.page_size), convert.filter_of(request)
        start = convert.start_of(request, wanted)
        tenant = context.principal.tenant
        records = await self._store.list_records(tenant, wanted, start_index=start, limit=limit + 1)
        return convert.entries_page(records, limit, wanted)

    async def GetEntry(self, request: pb.GetEntryRequest, context: Context) -> pb.GetEntryResponse:
        record = await self._store.record(context.principal.tenant, request.index)
        if record is None:
            raise EntryNotFound(request.index)
        return pb.GetEntryResponse(entry=convert.entry_message(record))

    async def GetTreeHead(self, request: pb.GetTreeHeadRequest, context: Context) -> pb.GetTreeHeadResponse:
        return convert.head_message(await self._store.head(context.principal.tenant))
