"""Requests to definitions, and results to messages."""

from __future__ import annotations

import asyncio

from chartly.api.reporter.v1 import reporter_pb2 as pb
from chartly.engine import MAX_SIZE_BYTES, InvalidDocument, parse_message
from chartly.reporter.document import report_of
from chartly.reporter.errors import InvalidReport
from chartly.reporter.store import Result
from chartly.runtime.bodies import check_size, syntax_of


async def definition_from_proto(request: pb.CreateReportRequest) -> pb.ReportDefinition:
    """Return the definition of a request, parsed strictly where it is a body.

    Raises:
        BodyTooLarge, UnsupportedMediaType: the body is not what is read here.
        InvalidReport: with every problem of the body.
    """
    if not request.HasField("body"):
        return request.definition
    body = request.body
    check_size(len(body.data), MAX_SIZE_BYTES)
    try:
        # A large document takes a second; the loop goes on meanwhile.
        syntax = syntax_of(body.content_type, body.data)
        return await asyncio.to_thread(parse_message, body.data, pb.ReportDefinition, syntax)
    except InvalidDocument as error:
        raise InvalidReport(error.problems) from None


def report_to_proto(result: Result) -> pb.Report:
    """Return a result as a report, with what it asks, read and found."""
    report = report_of(result.document, result.versions or {}) if result.document else pb.Report()
    report.definition.ParseFromString(result.definition)
    report.MergeFrom(summary_to_proto(result))
    return report


def summary_to_proto(result: Result) -> pb.Report:
    """Return a result as a report without definition, sources and result."""
    report = pb.Report(
        report_id=result.report_id,
        name=result.name,
        state=pb.ReportState.Value(f"REPORT_STATE_{result.state}"),
        result_digest=result.digest or "",
        message=result.message,
        reason=result.reason,
    )
    report.create_time.FromDatetime(result.create_time)
    if result.end_time is not None:
        report.result_time.FromDatetime(result.end_time)
    return report
