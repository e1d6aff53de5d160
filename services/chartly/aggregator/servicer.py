"""The aggregator's RPCs."""

import asyncio
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

from chartly.aggregator import convert
from chartly.aggregator.bodies import read_submission, receive_upload, upload_batches
from chartly.aggregator.config import AggregatorSettings
from chartly.aggregator.errors import RunLogNotFound, RunNotFound, mapping_errors
from chartly.aggregator.following import Following
from chartly.aggregator.intake import Bring, Intake
from chartly.aggregator.reading import RecordReading
from chartly.aggregator.replay import open_batches, origins_of, replay_of
from chartly.aggregator.store import AggregatorStore, QuarantineFilter
from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceServicer
from chartly.api.registry.v1.registry_pb2 import GetProfileRequest, Revision
from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from chartly.api.run.v1.run_pb2 import TRIGGER_SUBMIT, TRIGGER_UPLOAD, Run
from chartly.api.storage.v1.storage_pb2 import GetArtifactRequest
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.runtime import Clients, Context
from chartly.runtime.pages import decode_page_token, encode_page_token, fitting, page_size
from google.api.httpbody_pb2 import HttpBody


class AggregatorServicer(AggregatorServiceServicer):
    """Answers from the projection, and hands what clients bring to the intake."""

    def __init__(
        self,
        settings: AggregatorSettings,
        store: AggregatorStore,
        following: Following,
        intake: Intake,
        clients: Clients,
    ) -> None:
        self._settings = settings
        self._store = store
        self._following = following
        self._intake = intake
        self._registry = clients.stub(RegistryServiceStub)
        self._storage = clients.stub(StorageServiceStub)
        self._reading = RecordReading(clients)
        self._replays: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def SubmitResults(self, request: pb.SubmitResultsRequest, context: Context) -> pb.SubmitResultsResponse:
        submission = await asyncio.to_thread(read_submission, request, self._settings.max_submission_bytes)
        context.audit_resource(f"profiles/{submission.profile_id}")
        brought = Bring(
            TRIGGER_SUBMIT,
            request.request_id or submission.digest,
            drone_id=submission.drone_id,
            size_bytes=len(submission.page.data),
        )
        revision = await self._latest(submission.profile_id)
        with mapping_errors("application/json"):
            commit = await self._intake.commit(revision, brought, [[submission.page]], records_path="data")
        await self._following.take_commit(commit)
        return convert.submitted(commit)

    async def UploadRecords(
        self, requests: AsyncIterator[pb.UploadRecordsRequest], context: Context
    ) -> pb.UploadRecordsResponse:
        folder = self._settings.data_dir / self._settings.tenant / "uploads"
        async with receive_upload(requests, folder, self._settings.max_upload_bytes) as upload:
            context.audit_resource(f"profiles/{upload.profile_id}")
            revision = await self._latest(upload.profile_id)
            brought = Bring(TRIGGER_UPLOAD, upload.request_id or upload.digest, size_bytes=upload.size_bytes)
            with mapping_errors(upload.content_type):
                commit = await self._intake.commit(revision, brought, upload_batches(upload))
        return pb.UploadRecordsResponse(run=await self._following.take_commit(commit))

    async def ReplayQuarantine(
        self, request: pb.ReplayQuarantineRequest, context: Context
    ) -> pb.ReplayQuarantineResponse:
        if request.run_id:
            await self._run(request.run_id)
        # One at a time: a record that another replay is mapping must not be taken for open.
        async with self._replays.setdefault(request.profile_id, asyncio.Lock()):
            revision = await self._latest(request.profile_id)
            asked = QuarantineFilter(request.profile_id, request.run_id, not_refused_by=revision.digest)
            records = [record for _, record in await self._store.quarantined(asked)]
            if not records:
                return pb.ReplayQuarantineResponse()
            with mapping_errors("quarantined record"):
                commit = await self._intake.commit(
                    revision, replay_of(records, revision.digest), open_batches(records), origins=origins_of(records)
                )
            return pb.ReplayQuarantineResponse(run=await self._following.take_commit(commit))

    async def ListResults(self, request: pb.ListResultsRequest, context: Context) -> pb.ListResultsResponse:
        size, scope = page_size(request.page_size), f"results\n{request.profile_id}"
        before = decode_page_token(request.page_token, of=scope).get("before")
        commits = await self._store.commits(profile_id=request.profile_id, before=before, limit=size + 1)
        answer = pb.ListResultsResponse(results=[convert.result(commit) for commit in commits[:size]])
        if len(commits) > size:
            answer.next_page_token = encode_page_token({"before": commits[size - 1].sequence}, of=scope)
        return answer

    async def GetSummary(self, request: pb.GetSummaryRequest, context: Context) -> pb.GetSummaryResponse:
        return convert.summary(await self._store.counts(), await self._store.drone_count())

    async def ListRecords(self, request: pb.ListRecordsRequest, context: Context) -> pb.ListRecordsResponse:
        return await self._reading.list_records(request)

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        size, scope = page_size(request.page_size), f"runs\n{request.profile_id}\n{request.state}"
        place = decode_page_token(request.page_token, of=scope)
        found = await self._store.runs(
            profile_id=request.profile_id,
            state=request.state,
            before=(place["created"], place["run_id"]) if place else None,
            limit=size + 1,
        )
        answer = pb.ListRunsResponse(runs=[run for _, run in found[:size]])
        if len(found) > size:
            created, run = found[size - 1]
            answer.next_page_token = encode_page_token({"created": created, "run_id": run.run_id}, of=scope)
        return answer

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        return pb.GetRunResponse(run=await self._run(request.run_id))

    async def GetRunLogs(self, request: pb.GetRunLogsRequest, context: Context) -> HttpBody:
        run = await self._run(request.run_id)
        if not run.log_digest:
            raise RunLogNotFound(request.run_id)
        parts = [body.data async for body in self._storage.GetArtifact(GetArtifactRequest(digest=run.log_digest))]
        return HttpBody(content_type="application/x-ndjson", data=b"".join(parts))

    async def ListQuarantine(self, request: pb.ListQuarantineRequest, context: Context) -> pb.ListQuarantineResponse:
        size = page_size(request.page_size)
        scope = f"quarantine\n{request.profile_id}\n{request.run_id}\n{request.include_replayed}"
        place = decode_page_token(request.page_token, of=scope)
        asked = QuarantineFilter(request.profile_id, request.run_id, request.include_replayed)
        after = (place["sequence"], place["number"]) if place else None
        found = await self._store.quarantined(asked, after=after, limit=size + 1)
        records = fitting([record for _, record in found[:size]])
        answer = pb.ListQuarantineResponse(records=records, total_size=await self._store.quarantine_size(asked))
        if len(found) > len(records):
            sequence, number = found[len(records) - 1][0]
            answer.next_page_token = encode_page_token({"sequence": sequence, "number": number}, of=scope)
        return answer

    async def WatchRuns(self, request: pb.WatchRunsRequest, context: Context) -> AsyncIterator[pb.WatchRunsResponse]:
        with self._following.watched() as changes:
            yield pb.WatchRunsResponse()
            async for run in changes:
                yield pb.WatchRunsResponse(run=run)

    async def _run(self, run_id: str) -> Run:
        run = await self._store.run(run_id)
        if run is None:
            raise RunNotFound(run_id)
        return run

    async def _latest(self, profile_id: str) -> Revision:
        return (await self._registry.GetProfile(GetProfileRequest(profile_id=profile_id))).revision
