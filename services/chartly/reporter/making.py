"""Makes results: asks analytics, keeps the document as an artifact, and stores the result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

import grpc
from chartly.api.analytics.v1 import analytics_pb2
from chartly.api.analytics.v1.analytics_pb2_grpc import AnalyticsServiceStub
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.reporter.v1 import reporter_pb2 as pb
from chartly.api.storage.v1 import storage_pb2
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.reporter import convert
from chartly.reporter.document import Answer, digest_of, document_of, versions_of
from chartly.reporter.feed import Feed
from chartly.reporter.store import Key, ReporterStore, Result, State
from chartly.runtime import ChartlyError, Clients, Context, error_of
from chartly.runtime.call import new_request_id
from chartly.runtime.errors import Bug, ServiceUnavailable
from google.api.httpbody_pb2 import HttpBody
from grpc import StatusCode

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class Maker:
    """Makes the results that the store has as RUNNING, those of a process that died among them.

    It reads with the service's own key, for a result outlives the call that asked for it.
    """

    def __init__(self, store: ReporterStore, clients: Clients, feed: Feed, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._analytics = clients.stub(AnalyticsServiceStub, as_service=True)
        self._storage = clients.stub(StorageServiceStub, as_service=True)
        self._feed = feed
        self._now = now
        self._asked = asyncio.Event()
        self._waiting: dict[Key, list[asyncio.Future[Result]]] = {}

    async def run(self) -> None:
        """Make whatever is RUNNING, until cancelled."""
        making: set[Key] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                self._asked.clear()
                for key in await self._store.running():
                    if key not in making:
                        making.add(key)
                        task = group.create_task(self._make(key))
                        task.add_done_callback(partial(_forget, making, key))
                await self._asked.wait()

    async def wait(self, key: Key, context: Context, timeout_seconds: float) -> Result | None:
        """Have a result made and return it; None if it takes longer, or the service is about to stop.

        Raises:
            ChartlyError: it cannot be made; nothing of it is kept.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        self._asked.set()
        try:
            if (result := await self._store.get(key)) is None:
                raise ServiceUnavailable("reporter")  # Whoever asked first was refused meanwhile.
            if result.state is not State.RUNNING:
                return result
            await context.wait(asyncio.wait({future}), timeout_seconds)
        finally:
            undecided = self._leave(key, future)
        return None if undecided else await future

    def _leave(self, key: Key, future: asyncio.Future[Result]) -> bool:
        waiting = self._waiting.get(key, [])
        if future not in waiting:
            return False
        waiting.remove(future)
        if not waiting:
            del self._waiting[key]
        return True

    async def _make(self, key: Key) -> None:
        result = await self._store.get(key)
        while result is not None and result.state is State.RUNNING:
            try:
                await self._compute(result)
            except Exception as problem:  # noqa: BLE001  # it becomes the result's reason
                error = _as_error(problem)
                if error.code is StatusCode.UNAVAILABLE and key not in self._waiting:
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                await self._refuse(result, error)
                return
            result = await self._store.get(key)
            if result is not None:
                self._feed.publish(convert.summary_to_proto(result))
        for future in self._waiting.pop(key, []):
            if result is not None and not future.done():
                future.set_result(result)

    async def _compute(self, result: Result) -> None:
        definition = pb.ReportDefinition.FromString(result.definition)
        answer = await self._ask(definition)
        document = document_of(definition, answer)
        await self._keep(document)
        async with self._store.transaction() as transaction:
            digest, versions = digest_of(document), versions_of(answer)
            await transaction.succeed(result.key, document, digest, versions, end_time=self._now())

    async def _ask(self, definition: pb.ReportDefinition) -> Answer:
        query = analytics_pb2.Query(inputs=definition.inputs, join=definition.join)
        if definition.HasField("window"):
            query.window.CopyFrom(definition.window)
        output = definition.output
        if output.type == "correlation":
            wanted = analytics_pb2.CorrelationOutput(method=output.method)
            return await self._analytics.Correlate(analytics_pb2.CorrelateRequest(query=query, output=wanted))
        table = analytics_pb2.TableOutput(statistic=output.statistic)
        if output.HasField("bands"):
            table.bands.CopyFrom(output.bands)
        return await self._analytics.Aggregate(analytics_pb2.AggregateRequest(query=query, output=table))

    async def _keep(self, document: bytes) -> None:
        body = HttpBody(content_type="application/json", data=document)
        await self._storage.PutArtifact(iter([storage_pb2.PutArtifactRequest(body=body)]))

    async def _refuse(self, result: Result, error: ChartlyError) -> None:
        """Tell those who wait, and keep nothing; where nobody waits, keep why."""
        waiting, reason = self._waiting.pop(result.key, []), ErrorReason.Name(error.reason)
        try:
            async with self._store.transaction() as transaction:
                if waiting:
                    await transaction.discard(result.key, error.code.name)
                else:
                    end_time = self._now()
                    await transaction.fail(result.key, error.message, reason, error.code.name, end_time=end_time)
        finally:
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
        failed = replace(result, state=State.FAILED, message=error.message, reason=reason)
        self._feed.publish(convert.summary_to_proto(failed))


def _forget(making: set[Key], key: Key, _: asyncio.Task[None]) -> None:
    making.discard(key)


def _as_error(problem: Exception) -> ChartlyError:
    if isinstance(problem, ChartlyError):
        return problem
    if isinstance(problem, grpc.aio.AioRpcError):
        return error_of(problem)
    request_id = new_request_id()
    logger.error("a bug", exc_info=problem, extra={"request_id": request_id})
    return Bug(request_id)
