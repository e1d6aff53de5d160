"""Bodies that clients bring: submissions as JSON, and files of any length on their way to the disk."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from chartly.aggregator.errors import InvalidSubmission, MalformedBody
from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.runtime.bodies import UnsupportedMediaType, check_size

if TYPE_CHECKING:
    import pyarrow as pa
    from chartly.engine.pages import Page

NDJSON, CSV = "application/x-ndjson", "text/csv"
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
_UPLOADS = (NDJSON, CSV, PARQUET, ARROW)
_FIELDS = {"drone_id": str, "profile_id": str, "run_id": str, "data": list}
_MOST_RECORDS = 100_000
_ROWS_PER_BATCH = 50_000


class Submission(NamedTuple):
    """A body of `POST /api/results`, read.

    page: the body, whose records stand at `data`.
    digest: of the body, as hexadecimal digits.
    """

    drone_id: str
    profile_id: str
    page: Page
    digest: str


class Upload(NamedTuple):
    """A file that has arrived whole.

    digest: of its bytes, as hexadecimal digits.
    """

    profile_id: str
    request_id: str
    content_type: str
    path: Path
    size_bytes: int
    digest: str


def read_submission(request: pb.SubmitResultsRequest, limit_bytes: int) -> Submission:
    """Return what a submission says. Blocks for as long as it takes to read the JSON.

    Raises:
        BodyTooLarge, UnsupportedMediaType, MalformedBody, InvalidSubmission: the body is refused whole.
    """
    from chartly.engine.pages import Page

    body = request.body.data if request.WhichOneof("document") == "body" else _written(request.submission)
    if request.body.content_type.partition(";")[0].strip() not in ("", "application/json"):
        raise UnsupportedMediaType(request.body.content_type, "application/json")
    check_size(len(body), limit_bytes)
    fields = _fields_of(body)
    page = Page(number=1, data=body, format="json")
    return Submission(fields.get("drone_id", ""), fields["profile_id"], page, hashlib.sha256(body).hexdigest())


@asynccontextmanager
async def receive_upload(
    requests: AsyncIterator[pb.UploadRecordsRequest], folder: Path, limit_bytes: int
) -> AsyncIterator[Upload]:
    """Write a streamed file to a folder while it comes, and remove it at the end of the block.

    Raises:
        BodyTooLarge, UnsupportedMediaType: the file is refused; nothing of it stays.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="upload-") as file:
        first, size_bytes, digest = pb.UploadRecordsRequest(), 0, hashlib.sha256()
        async for request in requests:
            if not first.profile_id:
                first.CopyFrom(request)
                content_type = _upload_type(first.body.content_type)
            size_bytes += len(request.body.data)
            check_size(size_bytes, limit_bytes)
            digest.update(request.body.data)
            await asyncio.to_thread(file.write, request.body.data)
        if not first.profile_id:
            raise InvalidSubmission("profile_id is missing")
        file.flush()
        yield Upload(first.profile_id, first.request_id, content_type, Path(file.name), size_bytes, digest.hexdigest())


def upload_batches(upload: Upload) -> Iterator[list[Page]]:
    """Cut an upload into batches that can be mapped one by one. Blocks while it reads.

    Raises:
        MalformedBody: it is no Parquet or Arrow file, or not whole.
    """
    from chartly.engine.blocks import csv_blocks, ndjson_blocks
    from chartly.engine.pages import Page

    if upload.content_type in (NDJSON, CSV):
        with upload.path.open("rb") as stream:
            if upload.content_type == CSV:
                yield from ([Page(1, block.data, "csv", block.first_record)] for block in csv_blocks(stream))
            else:
                yield from ([Page(1, block.data, "ndjson", block.first_record)] for block in ndjson_blocks(stream))
        return
    first_record = 1
    for rows in _tables(upload):
        yield [Page(number=1, data=_as_parquet(rows), format="parquet", first_record=first_record)]
        first_record += rows.num_rows


def _tables(upload: Upload) -> Iterator[pa.Table]:
    """Read a columnar file a part at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with upload.path.open("rb") as stream:
            if upload.content_type == PARQUET:
                parts = pq.ParquetFile(stream).iter_batches(batch_size=_ROWS_PER_BATCH)
            else:
                parts = iter(pa.ipc.open_stream(stream))
            for part in parts:
                yield pa.Table.from_batches([part])
    except (pa.ArrowInvalid, OSError) as problem:
        raise MalformedBody(upload.content_type, str(problem)) from None


def _as_parquet(rows: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="none")
    return sink.getvalue()


def _upload_type(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _UPLOADS:
        raise UnsupportedMediaType(content_type, ", ".join(_UPLOADS))
    return kind


def _written(submission: pb.Submission) -> bytes:
    head = {name: getattr(submission, name) for name in ("drone_id", "profile_id", "run_id")}
    return (json.dumps(head)[:-1] + ', "data": [' + ", ".join(submission.data) + "]}").encode()


def _fields_of(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as problem:
        raise MalformedBody("application/json", str(problem)) from None
    if not isinstance(fields, dict):
        raise InvalidSubmission("the body is no JSON object")
    for name, value in fields.items():
        if name not in _FIELDS:
            raise InvalidSubmission(f"unknown key {name!r}; there are {', '.join(_FIELDS)}")
        if not isinstance(value, _FIELDS[name]):
            raise InvalidSubmission(f"{name} is no {'list' if name == 'data' else 'text'}")
    if not fields.get("profile_id"):
        raise InvalidSubmission("profile_id is missing")
    if not 1 <= len(fields.get("data", ())) <= _MOST_RECORDS:
        raise InvalidSubmission(f"data has to hold 1 to {_MOST_RECORDS} records")
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) and "data" in found:
        raise InvalidSubmission("a key stands twice")
    return found
