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
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from chartly.aggregator.errors import InvalidSubmission, MalformedBody
from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.runtime.bodies import UnsupportedMediaType, check_size
from chartly.runtime.interceptors import validate

if TYPE_CHECKING:
    from chartly.engine.pages import Page

NDJSON, CSV = "application/x-ndjson", "text/csv"
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
_UPLOADS = (NDJSON, CSV, PARQUET, ARROW)
_FIELDS = {"drone_id": str, "profile_id": str, "run_id": str, "data": list}
_ROWS_PER_BATCH = 50_000
_ARROW_END = b"\xff\xff\xff\xff\0\0\0\0"


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

    stream: its bytes, to be read from the start.
    digest: of its bytes, as hexadecimal digits.
    """

    profile_id: str
    request_id: str
    content_type: str
    stream: BinaryIO
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
    """Write a streamed file to a folder while it comes; it has no name there, so nothing of it outlives the block.

    Raises:
        BodyTooLarge, UnsupportedMediaType: the file is refused; nothing of it stays.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        first, content_type, size_bytes, digest = None, "", 0, hashlib.sha256()
        async for request in requests:
            if first is None:
                first, content_type = request, _upload_type(request)
            size_bytes += len(request.body.data)
            check_size(size_bytes, limit_bytes)
            digest.update(request.body.data)
            await asyncio.to_thread(file.write, request.body.data)
        if first is None or not size_bytes:
            raise InvalidSubmission("the upload is empty")
        yield Upload(
            first.profile_id, first.request_id, content_type, cast(BinaryIO, file), size_bytes, digest.hexdigest()
        )


def upload_batches(upload: Upload) -> Iterator[list[Page]]:
    """Cut an upload into batches that can be mapped one by one. Blocks while it reads.

    Raises:
        MalformedBody: it is no Parquet or Arrow file, or not whole.
    """
    from chartly.engine.blocks import csv_blocks, ndjson_blocks
    from chartly.engine.pages import Page

    upload.stream.seek(0)
    if upload.content_type == CSV:
        yield from ([Page(1, block.data, "csv", block.first_record)] for block in csv_blocks(upload.stream))
    elif upload.content_type == NDJSON:
        yield from ([Page(1, block.data, "ndjson", block.first_record)] for block in ndjson_blocks(upload.stream))
    else:
        first_record = 1
        for row_count, data in _row_groups(upload):
            yield [Page(number=1, data=data, format="parquet", first_record=first_record)]
            first_record += row_count


def _row_groups(upload: Upload) -> Iterator[tuple[int, bytes]]:
    """Cut a columnar file into Parquet files of their own, each after its number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if upload.content_type == PARQUET:
            parts = pq.ParquetFile(upload.stream).iter_batches(batch_size=_ROWS_PER_BATCH)
        else:
            _check_end(upload.stream)
            parts = iter(pa.ipc.open_stream(upload.stream))
        for part in parts:
            sink = io.BytesIO()
            pq.write_table(pa.Table.from_batches([part]), sink, compression="none")
            yield part.num_rows, sink.getvalue()
    except (pa.ArrowException, OSError) as problem:
        raise MalformedBody(upload.content_type, str(problem)) from None


def _check_end(stream: BinaryIO) -> None:
    """Refuse an Arrow stream without its end marker: one that was cut between two batches reads as if it were whole."""
    stream.seek(-min(len(_ARROW_END), stream.seek(0, io.SEEK_END)), io.SEEK_END)
    if stream.read() != _ARROW_END:
        raise MalformedBody(ARROW, "it ends before its end marker")
    stream.seek(0)


def _upload_type(request: pb.UploadRecordsRequest) -> str:
    if not request.profile_id:
        raise InvalidSubmission("profile_id is missing")
    kind = request.body.content_type.partition(";")[0].strip().lower()
    if kind not in _UPLOADS:
        raise UnsupportedMediaType(request.body.content_type, ", ".join(_UPLOADS))
    return kind


def _written(submission: pb.Submission) -> bytes:
    head = {name: getattr(submission, name) for name in ("drone_id", "profile_id", "run_id")}
    return (json.dumps(head)[:-1] + ', "data": [' + ", ".join(submission.data) + "]}").encode()


def _fields_of(body: bytes) -> dict[str, Any]:
    try:
        pairs = json.loads(body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as problem:
        raise MalformedBody("application/json", str(problem)) from None
    if not isinstance(pairs, _Pairs):
        raise InvalidSubmission("the body is no JSON object")
    fields = dict[str, Any](pairs)
    if len(fields) < len(pairs):
        raise InvalidSubmission("a key stands twice")
    for name, value in fields.items():
        if name not in _FIELDS:
            raise InvalidSubmission(f"unknown key {name!r}; there are {', '.join(_FIELDS)}")
        if type(value) is not _FIELDS[name]:
            raise InvalidSubmission(f"{name} is no {'list' if name == 'data' else 'text'}")
    _check_rules(fields)
    return fields


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of a JSON object, as they stand."""


def _check_rules(fields: dict[str, Any]) -> None:
    """Refuse what the contract refuses of a `Submission`. Its records are not looked at."""
    try:
        validate(pb.Submission(**{**fields, "data": [""] * len(fields.get("data", ()))}))
    except UnicodeEncodeError:
        raise InvalidSubmission("a name is no Unicode text") from None
