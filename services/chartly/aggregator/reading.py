"""Lists the records of one version of a dataset, a page at a time, on a snapshot that storage keeps open meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chartly.aggregator import convert
from chartly.aggregator.filter import compile_filter
from chartly.aggregator.records import Place, place_after, read_rows, types_of
from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.api.storage.v1.storage_pb2 import CloseSnapshotRequest, OpenSnapshotRequest, OpenSnapshotResponse
from chartly.api.storage.v1.storage_pb2_grpc import StorageServiceStub
from chartly.runtime import Clients
from chartly.runtime.files import path_of
from chartly.runtime.pages import decode_page_token, encode_page_token, fitting, page_size
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    import pyarrow as pa


class RecordReading:
    """Reads on behalf of its caller."""

    def __init__(self, clients: Clients) -> None:
        self._storage = clients.stub(StorageServiceStub)

    async def list_records(self, request: pb.ListRecordsRequest) -> pb.ListRecordsResponse:
        """Return a page; its token keeps to the version that the first page read."""
        scope = f"records\n{request.profile_id}\n{request.filter}\n{request.window.SerializeToString(deterministic=True).hex()}"
        state = decode_page_token(request.page_token, of=scope)
        opening = OpenSnapshotRequest(dataset_id=request.profile_id, version=state.get("version", 0))
        snapshot = await self._storage.OpenSnapshot(opening)
        try:
            return await asyncio.to_thread(_page, request, snapshot, state, scope)
        finally:
            await self._storage.CloseSnapshot(CloseSnapshotRequest(snapshot_id=snapshot.snapshot_id))


def _page(
    request: pb.ListRecordsRequest, snapshot: OpenSnapshotResponse, state: dict[str, Any], scope: str
) -> pb.ListRecordsResponse:
    schema = _schema(snapshot)
    size = page_size(request.page_size)
    after = Place(*state["place"]) if state else None
    rows = read_rows(
        [str(path_of(uri)) for uri in snapshot.file_uris],
        schema,
        condition=compile_filter(request.filter, types_of(schema)),
        start_time=_instant(request.window, "start_time"),
        end_time=_instant(request.window, "end_time"),
        after=after,
        limit=size + 1,
    )
    records = fitting([convert.record(row) for row in rows[:size]])
    answer = pb.ListRecordsResponse(records=records)
    if len(rows) > len(records):
        place = place_after(rows[: len(records)], after)
        answer.next_page_token = encode_page_token({"version": snapshot.version, "place": list(place)}, of=scope)
    return answer


def _schema(snapshot: OpenSnapshotResponse) -> pa.Schema:
    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(snapshot.arrow_schema))


def _instant(window: Any, name: str) -> datetime | None:
    if not window.HasField(name):
        return None
    stamp: Timestamp = getattr(window, name)
    return stamp.ToDatetime(tzinfo=UTC)
