"""A preview: one page of a profile, fetched and mapped, and nothing kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from chartly import engine
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.run.v1 import run_pb2
from chartly.drone.failures import as_chartly_error
from chartly.drone.progress import Progress
from chartly.drone.runlog import RunLog
from chartly.drone.source import SourcePage
from chartly.drone.sources import Sources
from chartly.drone.threads import in_thread
from chartly.engine import Plan
from chartly.engine.mapped import Mapped
from chartly.engine.mapper import Mapper
from chartly.engine.pages import Page
from chartly.engine.reading import json_value
from chartly.runtime import status_of
from chartly.runtime.errors import Bug
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

logger = logging.getLogger(__name__)
MOST_RECORDS = 100
_LONGEST_RAW = 4000


async def preview(job: pb.Preview, sources: Sources) -> pb.CompletePreviewRequest:
    """Return what a page of a profile gives, or the status of what went wrong."""
    secrets = sources.secrets(job.profile)
    try:
        remaining = (job.expire_time.ToDatetime(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
        async with asyncio.timeout(remaining):
            progress = Progress(RunLog(secrets.redact))
            plan = engine.compile_profile(job.profile)
            with sources.open(job.profile, secrets=secrets, watch=progress) as source:
                async with aclosing(source.pages()) as pages:
                    page = await anext(pages, None)
            with Mapper(plan) as mapper:
                mapped = await in_thread(mapper.map, [_page(page)]) if page and page.data.strip() else None
            return pb.CompletePreviewRequest(preview_id=job.preview_id, result=_result(plan, page, mapped))
    except Exception as error:
        known = as_chartly_error(error)
        if known is None:
            logger.exception("a preview met a bug")
            known = Bug(job.preview_id)
        known.message = secrets.redact(known.message)
        return pb.CompletePreviewRequest(preview_id=job.preview_id, error=status_of(known))


def _page(page: SourcePage) -> Page:
    return Page(page.number, page.data, page.format, page.first_record)


def _result(plan: Plan, page: SourcePage | None, mapped: Mapped | None) -> pb.PreviewProfileResponse:
    receipt = run_pb2.Receipt(pages=1 if page else 0, size_bytes=len(page.data) if page else 0)
    if mapped is None:
        return pb.PreviewProfileResponse(receipt=receipt)
    receipt.extracted = mapped.extracted
    receipt.delivered = mapped.accepted.num_rows
    receipt.quarantined = mapped.rejected.num_rows
    receipt.filtered = mapped.filtered
    for name, count in mapped.warnings.items():
        receipt.warnings[name] = count
    return pb.PreviewProfileResponse(
        records=[_record(plan, row) for row in mapped.accepted.slice(0, MOST_RECORDS).to_pylist()],
        errors=[_error(row) for row in mapped.rejected.slice(0, MOST_RECORDS).to_pylist()],
        receipt=receipt,
    )


def _record(plan: Plan, row: Mapping[str, Any]) -> Struct:
    record = {
        "record_id": row["record_id"],
        "observed_at": json_value(row["observed_at"]),
        "dims": {column.name: json_value(row[column.name]) for column in plan.dims},
        "measures": {column.name: json_value(row[column.name]) for column in plan.measures},
    }
    return ParseDict(record, Struct())


def _error(row: Mapping[str, Any]) -> pb.PreviewError:
    errors = [
        run_pb2.RecordError(
            reason=run_pb2.RecordErrorReason.Value(error["reason"]),
            field=error["field"],
            message=error["message"],
            value_digest=error["value_digest"],
        )
        for error in row["errors"]
    ]
    return pb.PreviewError(record=row["record"], raw=row["raw"][:_LONGEST_RAW], errors=errors)
