"""Runs: of a profile's source, of files and records that a client brings, and waiting for their end."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.api.coordinator.v1 import coordinator_pb2
from chartly.api.run.v1 import run_pb2
from chartly.sdk.aio.bodies import Source, chunks_of
from chartly.sdk.aio.bridge import sleep
from chartly.sdk.aio.connection import Connection, Requests, Stream
from chartly.sdk.documents import media_type_of
from chartly.sdk.errors import DeadlineExceeded, NotFound
from google.api.httpbody_pb2 import HttpBody

_LOOK_SECONDS = 0.1
_OPEN_WORK = (
    coordinator_pb2.WORK_STATE_QUEUED,
    coordinator_pb2.WORK_STATE_LEASED,
    coordinator_pb2.WORK_STATE_PAUSED,
)
_OPEN_RUN = (run_pb2.RUN_STATE_RUNNING, run_pb2.RUN_STATE_PAUSED)

#: Is told how far a run is, each time that it is looked at.
Progress = Callable[[coordinator_pb2.Work], None]


class Runs:
    """Runs and their receipts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def start(
        self, profile_id: str, *, request_id: str = "", timeout: float | None = None
    ) -> coordinator_pb2.Work:
        """Queue a run of a profile and return its work item."""
        request = coordinator_pb2.RunNowRequest(profile_id=profile_id, request_id=request_id or uuid.uuid4().hex)
        return (await self._connection.call(request, coordinator_pb2.RunNowResponse, timeout)).work

    async def wait(
        self, work: coordinator_pb2.Work, *, on_progress: Progress | None = None, timeout: float | None = None
    ) -> run_pb2.Run:
        """Follow a work item to its end and return its run, also of one that failed.

        Args:
            work: what `start` returned.
            on_progress: is told how far it is; what it raises ends the waiting, not the run.
            timeout: seconds to wait at most; None for as long as it takes.

        Raises:
            DeadlineExceeded: it has not ended by then; it goes on.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while work.state in _OPEN_WORK:
            if on_progress is not None:
                on_progress(work)
            await _look_again(end)
            request = coordinator_pb2.GetWorkRequest(work_id=work.work_id)
            work = (await self._connection.call(request, coordinator_pb2.GetWorkResponse, None)).work
        while (run := await self._known(work.run_id)) is None:
            await _look_again(end)
        return run

    async def run(
        self,
        profile_id: str,
        *,
        request_id: str = "",
        on_progress: Progress | None = None,
        timeout: float | None = None,
    ) -> run_pb2.Run:
        """Run a profile, wait for its end and return the run; see `start` and `wait`."""
        work = await self.start(profile_id, request_id=request_id)
        return await self.wait(work, on_progress=on_progress, timeout=timeout)

    async def upload(
        self,
        profile_id: str,
        source: Source,
        *,
        media_type: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> run_pb2.Run:
        """Upload a file of records and return its run. The same file is taken once.

        Args:
            profile_id: profile that maps the records.
            source: bytes, a path, an open binary file, or pieces.
            media_type: of NDJSON, CSV, Parquet or Arrow; by default what the path's name tells.
            request_id: name of the request; by default the file's digest.
            timeout: seconds that it may take.
        """
        if isinstance(source, Path):
            media_type = media_type or media_type_of(source)
        head = pb.UploadRecordsRequest(
            profile_id=profile_id, request_id=request_id, body=HttpBody(content_type=media_type)
        )
        requests = Requests(pb.UploadRecordsRequest, _messages(head, source))
        return (await self._connection.send(requests, pb.UploadRecordsResponse, timeout)).run

    async def submit(
        self,
        profile_id: str,
        records: Iterable[str],
        *,
        drone_id: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.SubmitResultsResponse:
        """Submit records, each the text of a JSON object. The same records are taken once."""
        submission = pb.Submission(profile_id=profile_id, data=records, drone_id=drone_id)
        request = pb.SubmitResultsRequest(submission=submission, request_id=request_id)
        return await self._connection.call(request, pb.SubmitResultsResponse, timeout)

    async def get(self, run_id: str, *, timeout: float | None = None) -> run_pb2.Run:
        """Return one run."""
        return (await self._connection.call(pb.GetRunRequest(run_id=run_id), pb.GetRunResponse, timeout)).run

    def list(
        self,
        *,
        profile_id: str = "",
        state: run_pb2.RunState.ValueType = run_pb2.RUN_STATE_UNSPECIFIED,
        page_size: int = 0,
        timeout: float | None = None,
    ) -> AsyncIterator[run_pb2.Run]:
        """Iterate over runs, newest first."""
        request = pb.ListRunsRequest(profile_id=profile_id, state=state, page_size=page_size)
        return self._connection.pages(request, pb.ListRunsResponse, lambda page: page.runs, timeout)

    async def logs(self, run_id: str, *, timeout: float | None = None) -> HttpBody:
        """Return the log of a run, one JSON object a line."""
        return await self._connection.call(pb.GetRunLogsRequest(run_id=run_id), HttpBody, timeout)

    def watch(self, *, timeout: float | None = None) -> Stream[pb.WatchRunsResponse]:
        """Follow runs from now on: each that starts, changes or ends.

        The first message, without a run, says that the watch stands.
        """
        return self._connection.stream(pb.WatchRunsRequest(), pb.WatchRunsResponse, timeout)

    async def _known(self, run_id: str) -> run_pb2.Run | None:
        """Return a run whose work has ended, once the aggregator knows of that too."""
        try:
            run = await self.get(run_id)
        except NotFound:
            return None
        return None if run.state in _OPEN_RUN else run


async def _look_again(end: float | None) -> None:
    if end is not None and time.monotonic() > end:
        raise DeadlineExceeded("the run has not ended in time; it goes on")
    await sleep(_LOOK_SECONDS)


async def _messages(head: pb.UploadRecordsRequest, source: Source) -> AsyncIterator[pb.UploadRecordsRequest]:
    yield head
    async for chunk in chunks_of(source):
        yield pb.UploadRecordsRequest(body=HttpBody(data=chunk))
