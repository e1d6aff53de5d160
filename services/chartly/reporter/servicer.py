"""ReporterServicer: one method for each RPC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from chartly.api.reporter.v1 import reporter_pb2 as pb
from chartly.api.reporter.v1.reporter_pb2_grpc import ReporterServiceServicer
from chartly.reporter import convert
from chartly.reporter.errors import ReportNotFound, ReportNotReady
from chartly.reporter.export import export
from chartly.reporter.feed import Feed
from chartly.reporter.making import Maker
from chartly.reporter.store import ReporterStore, Result, State
from chartly.runtime import Context
from chartly.runtime.pages import decode_page_token, encode_page_token, page_size
from google.api.httpbody_pb2 import HttpBody

_ANSWER_SECONDS = 1.0
"""What a call keeps of its time for the answer that its report is still RUNNING."""


class ReporterServicer(ReporterServiceServicer):
    """Keeps reports, and has their results made."""

    def __init__(self, store: ReporterStore, maker: Maker, feed: Feed, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._maker = maker
        self._feed = feed
        self._now = now

    async def CreateReport(self, request: pb.CreateReportRequest, context: Context) -> pb.CreateReportResponse:
        definition = await convert.definition_from_proto(request)
        context.audit_resource(f"reports/{definition.name}")
        result = await self._begun(definition, request.request_id, context)
        if result.state is State.RUNNING:
            seconds = max(0.0, context.time_remaining() - _ANSWER_SECONDS)
            result = await self._maker.wait(result.key, context, seconds) or await self._released(result)
        return pb.CreateReportResponse(report=convert.report_to_proto(result))

    async def ListReports(self, request: pb.ListReportsRequest, context: Context) -> pb.ListReportsResponse:
        after, limit = decode_page_token(request.page_token).get("after", ""), page_size(request.page_size)
        found = await self._store.list_latest(context.principal.tenant, after_name=after, limit=limit + 1)
        reports = [convert.summary_to_proto(result) for result in found[:limit]]
        more = encode_page_token({"after": reports[-1].name}) if len(found) > limit else ""
        return pb.ListReportsResponse(reports=reports, next_page_token=more)

    async def GetReport(self, request: pb.GetReportRequest, context: Context) -> pb.GetReportResponse:
        result = await self._latest(request.report_id, context)
        return pb.GetReportResponse(report=convert.report_to_proto(result))

    async def ExportReport(self, request: pb.ExportReportRequest, context: Context) -> HttpBody:
        result = await self._latest(request.report_id, context)
        if result.document is None:
            raise ReportNotReady(result.report_id, result.state, result.message)
        file = export(convert.report_to_proto(result), result.document, request.format)
        return HttpBody(content_type=file.media_type, data=file.content)

    async def WatchReports(
        self, request: pb.WatchReportsRequest, context: Context
    ) -> AsyncIterator[pb.WatchReportsResponse]:
        async for report in self._feed.watch():
            yield pb.WatchReportsResponse(report=report)

    async def _begun(self, definition: pb.ReportDefinition, request_id: str, context: Context) -> Result:
        tenant, serialised = context.principal.tenant, definition.SerializeToString(deterministic=True)
        async with self._store.transaction() as transaction:
            if result := await transaction.repeated(tenant, request_id, serialised):
                return result
            result = await transaction.begin(
                tenant,
                definition.name,
                serialised,
                request_id=request_id,
                event=context.carry_audit_event(),
                start_time=self._now(),
            )
        self._feed.publish(convert.summary_to_proto(result))
        return result

    async def _released(self, result: Result) -> Result:
        """Say in the ledger that the call ends well, though its result is still being made."""
        async with self._store.transaction() as transaction:
            await transaction.release(result.key)
        return result

    async def _latest(self, wanted: str, context: Context) -> Result:
        result = await self._store.latest(context.principal.tenant, wanted)
        if result is None:
            raise ReportNotFound(wanted)
        return result
