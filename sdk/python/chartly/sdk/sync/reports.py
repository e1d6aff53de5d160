# Made by `make gen` from aio/; edits are overwritten.
"""Reports and figures."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from chartly.api.analytics.v1 import analytics_pb2
from chartly.api.reporter.v1 import reporter_pb2 as pb
from chartly.sdk.documents import Document, body_of
from chartly.sdk.sync.connection import Connection
from google.api.httpbody_pb2 import HttpBody


class Reports:
    """Report definitions and their results."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self, document: Document, *, media_type: str | None = None, request_id: str = "", timeout: float | None = None
    ) -> pb.Report:
        """Define a report, or take the one of that name, and make a new result of it."""
        request = pb.CreateReportRequest(body=body_of(document, media_type), request_id=request_id or uuid.uuid4().hex)
        return self._connection.call(request, pb.CreateReportResponse, timeout).report

    def get(self, report_id: str, *, timeout: float | None = None) -> pb.Report:
        """Return a report with its latest result, by its report_id or its name."""
        request = pb.GetReportRequest(report_id=report_id)
        return self._connection.call(request, pb.GetReportResponse, timeout).report

    def list(self, *, page_size: int = 0, timeout: float | None = None) -> Iterator[pb.Report]:
        """Iterate over reports by name, without their results."""
        request = pb.ListReportsRequest(page_size=page_size)
        return self._connection.pages(request, pb.ListReportsResponse, lambda page: page.reports, timeout)

    def export(self, report_id: str, *, format: str = "", timeout: float | None = None) -> HttpBody:
        """Return the latest result as a file: `csv`, `json` or `parquet`."""
        request = pb.ExportReportRequest(report_id=report_id, format=format)
        return self._connection.call(request, HttpBody, timeout)


class Analytics:
    """Figures over datasets, which nobody keeps."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def aggregate(
        self, query: analytics_pb2.Query, output: analytics_pb2.TableOutput, *, timeout: float | None = None
    ) -> analytics_pb2.AggregateResponse:
        """Join the inputs and return a statistic of each, over all rows or for each band of one measure."""
        request = analytics_pb2.AggregateRequest(query=query, output=output)
        return self._connection.call(request, analytics_pb2.AggregateResponse, timeout)

    def correlate(
        self,
        query: analytics_pb2.Query,
        output: analytics_pb2.CorrelationOutput | None = None,
        *,
        timeout: float | None = None,
    ) -> analytics_pb2.CorrelateResponse:
        """Join the inputs and return the correlation of each pair of them."""
        request = analytics_pb2.CorrelateRequest(query=query, output=output or analytics_pb2.CorrelationOutput())
        return self._connection.call(request, analytics_pb2.CorrelateResponse, timeout)
