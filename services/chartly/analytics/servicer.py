"""AnalyticsServicer: one method for each RPC."""

from __future__ import annotations

from functools import partial

from chartly.analytics import convert
from chartly.analytics.datasets import open_datasets
from chartly.analytics.figures import correlate, tabulate
from chartly.analytics.worker import Worker
from chartly.api.analytics.v1 import analytics_pb2 as pb
from chartly.api.analytics.v1.analytics_pb2_grpc import AnalyticsServiceServicer
from chartly.runtime import Clients, Context


class AnalyticsServicer(AnalyticsServiceServicer):
    """Answers queries from snapshots that it opens with its caller's key."""

    def __init__(self, clients: Clients, worker: Worker) -> None:
        self._clients = clients
        self._worker = worker

    async def Aggregate(self, request: pb.AggregateRequest, context: Context) -> pb.AggregateResponse:
        query = convert.query_from_proto(request.query)
        statistic = convert.statistic_from_proto(request.output.statistic)
        bands = convert.bands_from_proto(request.output.bands) if request.output.HasField("bands") else None
        async with open_datasets(self._clients, query.profile_ids) as datasets:
            work = partial(tabulate, query=query, datasets=datasets, statistic=statistic, bands=bands)
            table = await self._worker.run(work)
        return pb.AggregateResponse(table=convert.table_to_proto(table), sources=convert.sources_to_proto(datasets))

    async def Correlate(self, request: pb.CorrelateRequest, context: Context) -> pb.CorrelateResponse:
        query = convert.query_from_proto(request.query)
        async with open_datasets(self._clients, query.profile_ids) as datasets:
            found = await self._worker.run(partial(correlate, query=query, datasets=datasets))
        correlations = [convert.correlation_to_proto(request.query, *pair) for pair in found]
        return pb.CorrelateResponse(correlations=correlations, sources=convert.sources_to_proto(datasets))
