"""Records, what runs brought, and quarantine."""

from __future__ import annotations

from collections.abc import AsyncIterator

from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.api.analytics.v1.analytics_pb2 import Window
from chartly.sdk.aio.connection import Connection


class Records:
    """Rows of datasets, page by page."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        profile_id: str,
        *,
        filter: str = "",
        window: Window | None = None,
        page_size: int = 0,
        timeout: float | None = None,
    ) -> AsyncIterator[pb.Record]:
        """Iterate over records in the order of observed_at, then record_id, of one version to the last page.

        Args:
            profile_id: profile that fills the dataset.
            filter: condition on fields, as in `origin = "EWR" AND precip > 0.1`.
            window: when the records were observed.
            page_size: records in a call.
            timeout: seconds that a call may take.
        """
        request = pb.ListRecordsRequest(profile_id=profile_id, filter=filter, window=window, page_size=page_size)
        return self._connection.pages(request, pb.ListRecordsResponse, lambda page: page.records, timeout)


class Results:
    """What runs brought."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, *, profile_id: str = "", page_size: int = 0, timeout: float | None = None
    ) -> AsyncIterator[pb.Result]:
        """Iterate over what runs brought, newest first."""
        request = pb.ListResultsRequest(profile_id=profile_id, page_size=page_size)
        return self._connection.pages(request, pb.ListResultsResponse, lambda page: page.results, timeout)

    async def summary(self, *, timeout: float | None = None) -> pb.GetSummaryResponse:
        """Return counts of records and runs by profile."""
        return await self._connection.call(pb.GetSummaryRequest(), pb.GetSummaryResponse, timeout)


class Quarantine:
    """Records that were kept aside."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        profile_id: str = "",
        run_id: str = "",
        include_replayed: bool = False,
        page_size: int = 0,
        timeout: float | None = None,
    ) -> AsyncIterator[pb.QuarantinedRecord]:
        """Iterate over quarantined records in the order in which they came."""
        request = pb.ListQuarantineRequest(
            profile_id=profile_id, run_id=run_id, include_replayed=include_replayed, page_size=page_size
        )
        return self._connection.pages(request, pb.ListQuarantineResponse, lambda page: page.records, timeout)

    async def replay(
        self, profile_id: str, *, run_id: str = "", timeout: float | None = None
    ) -> pb.ReplayQuarantineResponse:
        """Map the open records again, by the profile's latest revision."""
        request = pb.ReplayQuarantineRequest(profile_id=profile_id, run_id=run_id)
        return await self._connection.call(request, pb.ReplayQuarantineResponse, timeout)
