"""Reading versions in each format, and how a body says that it is whole."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.runtime.errors import Bug, ChartlyError
from chartly.storage.errors import UnknownFormat
from chartly.storage.reading import FORMATS, Version
from chartly.storage.sql import Engine

DAY = datetime.datetime(2013, 1, 1, 5, tzinfo=datetime.UTC)


def a_field(name: str, kind: pa.DataType, role: str) -> pa.Field:
    return pa.field(name, kind, metadata={"kind": role})


SCHEMA = pa.schema(
    [
        a_field("record_id", pa.string(), "system"),
        a_field("run_id", pa.string(), "system"),
        a_field("observed_at", pa.timestamp("us", "UTC"), "system"),
        a_field("carrier", pa.string(), "dim"),
        a_field("day", pa.date32(), "dim"),
        a_field("big", pa.int64(), "measure"),
        a_field("delayed", pa.bool_(), "measure"),
        a_field("fare", pa.decimal128(12, 2), "measure"),
        a_field("ratio", pa.float64(), "measure"),
        a_field("later", pa.float64(), "measure"),
    ]
)
ROWS: list[dict[str, Any]] = [
    {"record_id": "1", "run_id": "r", "observed_at": DAY, "carrier": 'A,"é\n', "day": DAY.date(), "big": 2**53, "delayed": True,
     "fare": decimal.Decimal("12.30"), "ratio": 0.1, "later": None},
    {"record_id": "2", "run_id": "r", "observed_at": DAY.replace(microsecond=120_000), "carrier": "", "day": None,
     "big": -(2**53) - 1, "delayed": False, "fare": None, "ratio": 1e300, "later": None},
    {"record_id": "3", "run_id": "r", "observed_at": None, "carrier": None, "day": None, "big": None, "delayed": None,
     "fare": decimal.Decimal("-0.01"), "ratio": None, "later": None},
    {"record_id": "4", "run_id": "r", "observed_at": DAY.replace(microsecond=123_456), "carrier": "x", "day": None, "big": 0,
     "delayed": None, "fare": None, "ratio": -2.5, "later": None},
]  # fmt: skip


@pytest.fixture
def version(tmp_path: Path) -> Version:
    """Two files that both lack the column `later`."""
    files = [tmp_path / "b.parquet", tmp_path / "a.parquet"]
    older = SCHEMA.remove(SCHEMA.get_field_index("later"))
    for file, rows in zip(files, (ROWS[:2], ROWS[2:]), strict=True):
        pq.write_table(pa.Table.from_pylist(rows, schema=older), file)
    return Version(files, SCHEMA, Engine(tmp_path / "spill", 64 << 20, 1))


def explain(error: Exception) -> ChartlyError:
    return error if isinstance(error, ChartlyError) else Bug("request-1")


def read(version: Version, name: str) -> bytes:
    return b"".join(FORMATS[name].chunks(version, explain))


def test_ndjson_has_a_record_a_line_and_an_end(version: Version) -> None:
    lines = [json.loads(line) for line in read(version, "ndjson").splitlines()]
    assert lines[-1] == {"end": {"row_count": 4}}
    assert lines[0] == {
        "record_id": "1",
        "run_id": "r",
        "observed_at": "2013-01-01T05:00:00Z",
        "dims": {"carrier": 'A,"é\n', "day": "2013-01-01"},
        "measures": {"big": 2**53, "delayed": True, "fare": "12.30", "ratio": 0.1, "later": None},
    }
    assert [line["observed_at"] for line in lines[1:4]] == [
        "2013-01-01T05:00:00.120Z",
        None,
        "2013-01-01T05:00:00.123456Z",
    ]
    assert [line["measures"]["big"] for line in lines[1:4]] == ["-9007199254740993", None, 0]


def test_arrow_has_the_schema_the_rows_and_an_end(version: Version) -> None:
    body = read(version, "arrow")
    reader = pa.ipc.open_stream(body)
    assert reader.schema.equals(SCHEMA, check_metadata=True)
    assert reader.read_all().to_pylist() == ROWS
    assert json.loads(last_metadata(body)["chartly.end"]) == {"row_count": 4}


def test_csv_and_parquet_hold_the_rows(version: Version) -> None:
    assert pq.read_table(pa.py_buffer(read(version, "parquet"))).cast(SCHEMA).to_pylist() == ROWS
    rows = list(csv.DictReader(io.StringIO(read(version, "csv").decode(), newline="")))
    assert [row["observed_at"] for row in rows][:2] == ["2013-01-01T05:00:00Z", "2013-01-01T05:00:00.120Z"]
    assert (rows[0]["carrier"], rows[0]["fare"], rows[0]["day"], rows[2]["big"]) == (
        'A,"é\n',
        "12.30",
        "2013-01-01",
        "",
    )
    assert not list(version.engine.spill.iterdir())


def test_a_version_without_rows_is_whole_in_every_format(version: Version) -> None:
    empty = Version([], SCHEMA, version.engine)
    assert read(empty, "ndjson") == b'{"end":{"row_count":0}}\n'
    assert json.loads(last_metadata(read(empty, "arrow"))["chartly.end"]) == {"row_count": 0}
    assert read(empty, "csv").decode().strip() == ",".join(SCHEMA.names)
    assert pq.read_table(pa.py_buffer(read(empty, "parquet"))).num_rows == 0


@pytest.fixture
def cut(version: Version, monkeypatch: pytest.MonkeyPatch) -> Version:
    """A version whose later rows cannot be read: the second row group of its file is damaged."""
    monkeypatch.setattr("chartly.storage.reading.BATCH_ROWS", 2048)
    file = version.files[0]
    rows = pa.Table.from_pylist(ROWS[:1], schema=SCHEMA).take(pa.array([0] * 200_000))
    pq.write_table(rows, file, row_group_size=100_000, use_dictionary=False, compression=None)
    content = bytearray(file.read_bytes())
    start = pq.read_metadata(file).row_group(1).column(0).data_page_offset
    content[start : start + 64] = b"\xff" * 64
    file.write_bytes(content)
    return Version([file], SCHEMA, version.engine)


def drain(chunks: Iterator[bytes]) -> bytes:
    """What arrives before it fails."""
    body = list[bytes]()
    with pytest.raises((duckdb.Error, OSError)):
        body.extend(chunks)
    return b"".join(body)


def test_ndjson_that_fails_says_so_in_its_last_line(cut: Version) -> None:
    lines = drain(FORMATS["ndjson"].chunks(cut, explain)).splitlines()
    assert len(lines) > 1
    error = json.loads(lines[-1])["error"]
    assert (error["code"], error["details"][0]["reason"]) == (13, "ERROR_REASON_BUG")


def test_arrow_that_fails_says_so_in_its_last_batch(cut: Version) -> None:
    body = drain(FORMATS["arrow"].chunks(cut, explain))
    assert json.loads(last_metadata(body)["chartly.error"])["code"] == 13


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_body_that_fails_before_its_first_row_is_no_body(version: Version, name: str) -> None:
    version.files[0].write_bytes(b"no parquet")
    assert drain(FORMATS[name].chunks(version, explain)) == b""


def test_a_reader_who_leaves_leaves_nothing(version: Version) -> None:
    for name in FORMATS:
        chunks = FORMATS[name].chunks(version, explain)
        next(chunks)
        chunks.close()
    assert not list(version.engine.spill.iterdir())


async def test_a_dataset_is_read_in_the_format_that_is_asked_for(storage: Any) -> None:
    await storage.run("first", [[("MI01", 5, 1)]])
    for name, media_type in ((name, FORMATS[name or "ndjson"].media_type) for name in ("", *FORMATS)):
        request = pb.ReadDatasetRequest(dataset_id="shop-orders", format=name)
        bodies = [body async for body in storage.servicer.ReadDataset(request, storage.caller)]
        assert bodies[0].content_type == media_type
        assert b"MI01" in b"".join(body.data for body in bodies) or name in ("parquet", "arrow")
    with pytest.raises(UnknownFormat):
        await anext(
            storage.servicer.ReadDataset(pb.ReadDatasetRequest(dataset_id="shop-orders", format="xlsx"), storage.caller)
        )


def last_metadata(body: bytes) -> dict[str, str]:
    """The metadata of the last batch of an Arrow stream."""
    reader, found = pa.ipc.open_stream(body), dict[bytes, bytes]()
    while True:
        try:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            return {name.decode(): value.decode() for name, value in found.items()}
        found = metadata or {}
        assert batch.num_rows == 0 or not found
