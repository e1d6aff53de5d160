"""`chartly report`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.documents import read_document
from chartly.cli.exits import Exit
from chartly.cli.options import page_options
from chartly.cli.text import ago, number, short, word

if TYPE_CHECKING:
    from chartly.api.analytics.v1.analytics_pb2 import Input, Table
    from chartly.api.reporter.v1.reporter_pb2 import Report
    from chartly.cli.session import Session


@click.group(cls=Commands)
def report() -> None:
    """Create, show and export reports."""


@report.command("create")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@mesh_command
async def create_report(session: Session, output: Output, file: Path) -> None:
    """Define a report by a YAML or JSON file, or take the one of that name, and make a new result."""
    from chartly.api.reporter.v1.reporter_pb2 import CreateReportRequest
    from chartly.api.reporter.v1.reporter_pb2_grpc import ReporterServiceStub

    document = read_document(file)
    with document.placing("Nothing was saved."):
        answer = await session.stub(ReporterServiceStub).CreateReport(CreateReportRequest(body=document.body()))
    if not output.json(answer):
        _show(answer.report)
    _end(answer.report)


@report.command("list")
@page_options("reports")
@mesh_command
async def list_reports(session: Session, output: Output, limit: int, page_token: str) -> None:
    """List reports by name."""
    from chartly.api.reporter.v1.reporter_pb2 import ListReportsRequest, ReportState
    from chartly.api.reporter.v1.reporter_pb2_grpc import ReporterServiceStub
    from chartly.cli.tables import more, show_table

    request = ListReportsRequest(page_size=limit, page_token=page_token)
    answer = await session.stub(ReporterServiceStub).ListReports(request)
    if not output.json(answer):
        now = datetime.now(UTC)
        rows = [
            (r.name, word(ReportState, r.state), short(r.result_digest), ago(r.result_time, now))
            for r in answer.reports
        ]
        show_table(("report", "state", "result", "made"), rows)
        more(answer.next_page_token)


@report.command("show")
@click.argument("name")
@mesh_command
async def show_report(session: Session, output: Output, name: str) -> None:
    """Show a report with its latest result, by its name or report_id."""
    from chartly.api.reporter.v1.reporter_pb2 import GetReportRequest
    from chartly.api.reporter.v1.reporter_pb2_grpc import ReporterServiceStub

    answer = await session.stub(ReporterServiceStub).GetReport(GetReportRequest(report_id=name))
    if not output.json(answer):
        _show(answer.report)


@report.command("export")
@click.argument("name")
@click.option(
    "--format", "form", default="csv", show_default=True, metavar="csv|json|parquet", help="Format of the file."
)
@click.option(
    "--to", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output by default."
)
@mesh_command
async def export_report(session: Session, output: Output, name: str, form: str, to: Path | None) -> None:
    """Write the latest result of a report as a file."""
    from chartly.api.reporter.v1.reporter_pb2 import ExportReportRequest
    from chartly.api.reporter.v1.reporter_pb2_grpc import ReporterServiceStub

    request = ExportReportRequest(report_id=name, format=form)
    answer = await session.stub(ReporterServiceStub).ExportReport(request)
    if output.json(answer):
        return
    if to is None:
        sys.stdout.buffer.write(answer.data)
    else:
        await asyncio.to_thread(to.write_bytes, answer.data)
        click.echo(f"wrote {to} ({number(len(answer.data))} bytes)")


def _show(report: Report) -> None:
    from chartly.api.reporter.v1.reporter_pb2 import ReportState
    from chartly.cli.tables import show_table

    click.echo(f"{report.name} {word(ReportState, report.state)} {report.result_digest}".rstrip())
    if report.message:
        click.echo(report.message)
    if report.HasField("table"):
        show_table(list(report.table.columns), _rows(report.table), right=list(report.table.columns)[1:])
    for pair in report.correlations.pairs:
        click.echo(f"{_name(pair.left)} ~ {_name(pair.right)}  {pair.coefficient:+.6f}  n {number(pair.n)}")


def _rows(table: Table) -> list[list[str]]:
    rows = []
    for row in table.rows:
        values = ["" if value.HasField("null_value") else f"{value.number_value:.6g}" for value in row.values]
        band = [row.band] if row.band else []
        rows.append([*band, number(row.count), *values])
    return rows


def _name(side: Input) -> str:
    return f"{side.statistic} {side.measure}".strip()


def _end(report: Report) -> None:
    from chartly.api.reporter.v1.reporter_pb2 import ReportState

    if report.state == ReportState.REPORT_STATE_FAILED:
        raise SystemExit(Exit.FAILED)
