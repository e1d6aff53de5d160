"""`chartly records`."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import click
from chartly.cli.commanding import Output, mesh_command
from chartly.cli.options import page_options
from chartly.cli.text import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chartly.cli.session import Session
    from google.protobuf.struct_pb2 import Struct


@click.command()
@click.argument("profile_id")
@click.option(
    "--filter",
    "condition",
    default="",
    metavar="CONDITION",
    help="""Condition on fields, as in: origin = "EWR" AND precip > 0.1""",
)
@page_options("records")
@mesh_command
async def records(
    session: Session, output: Output, profile_id: str, condition: str, limit: int, page_token: str
) -> None:
    """List the records of a profile's dataset."""
    from chartly.api.aggregator.v1.aggregator_pb2 import ListRecordsRequest
    from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub
    from chartly.cli.tables import more

    request = ListRecordsRequest(profile_id=profile_id, filter=condition, page_size=limit, page_token=page_token)
    answer = await session.stub(AggregatorServiceStub).ListRecords(request)
    if output.json(answer):
        return
    show_records([(found.dims, instant(found.observed_at.ToDatetime(UTC)), found.measures) for found in answer.records])
    more(answer.next_page_token)


def show_records(found: Sequence[tuple[Struct, str, Struct]]) -> None:
    """Print records as a table: their dims, when they were observed, their measures."""
    from chartly.cli.tables import show_table

    dims = sorted({name for record in found for name in record[0]})
    measures = sorted({name for record in found for name in record[2]})
    rows = [
        (*(_cell(d, name) for name in dims), observed, *(_cell(m, name) for name in measures))
        for d, observed, m in found
    ]
    if rows:
        show_table((*dims, "observed_at", *measures), rows, right=measures)


def _cell(fields: Struct, name: str) -> str:
    value: Any = fields[name] if name in fields else None  # noqa: SIM401  # a Struct has no get
    if value is None:
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)
