"""Files that clients upload: in four formats, of any length, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rfc8785
from rest import (
    ARROW,
    CSV,
    MAX_UPLOAD_BYTES,
    NDJSON,
    NOTHING,
    PARQUET,
    Rest,
    a_profile,
    refusal,
    until,
)

HEADER = "at,n,who,price,x\n"
ROWS = f"{HEADER}2026-01-01T00:00:00Z,9007199254740993,a,12.50,0.1\n2026-01-01T00:01:00Z,2,,7.00,\n"


def a_table() -> pa.Table:
    """The rows of `ROWS`, typed."""
    instants = [datetime(2026, 1, 1, 0, minute, tzinfo=UTC) for minute in (0, 1)]
    prices = pa.array([Decimal("12.50"), Decimal("7.00")], pa.decimal128(9, 2))
    numbers = [9007199254740993, 2]
    return pa.table({"at": instants, "n": numbers, "who": ["a", None], "price": prices, "x": [0.1, None]})


def as_parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def as_arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    return sink.getvalue()


def as_ndjson(table: pa.Table) -> str:
    rows = [
        {name: str(value) if value is not None else None for name, value in row.items()} for row in table.to_pylist()
    ]
    return "".join(json.dumps({**row, "at": str(row["at"]).replace(" ", "T")}) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "media_type", "content"),
    [
        ("csv", f"{CSV}; charset=utf-8", ROWS),
        ("ndjson", NDJSON, as_ndjson(a_table())),
        ("parquet", PARQUET, as_parquet(a_table())),
        ("arrow", ARROW, as_arrow(a_table())),
    ],
)
def test_the_same_rows_in_any_format_are_the_same_records(
    rest: Rest, name: str, media_type: str, content: bytes | str
) -> None:
    profile = a_profile(f"upload-{name}")
    profile["dims"]["who"]["null_values"] = [""]
    profile["measures"]["x"]["null_values"] = [""]
    run = rest.upload(rest.create(profile), content, media_type)
    assert (run["state"], run["trigger"], run["attempts"]) == ("RUN_STATE_SUCCEEDED", "TRIGGER_UPLOAD", 1)
    assert (run["receipt"]["extracted"], run["receipt"]["delivered"]) == ("2", "2")
    assert rest.get(f"/api/runs/{run['run_id']}") == run
    first, second = rest.records(f"upload-{name}")
    assert first["dims"] == {"n": "9007199254740993", "who": "a"}
    assert first["measures"] == {"price": "12.50", "x": 0.1}
    assert (second["dims"], second["measures"]) == ({"n": 2, "who": None}, {"price": "7.00", "x": None})
    # Identity is of content, so all four formats give the ids and the digest that anyone can compute from the records.
    contents = [{key: record[key] for key in ("dims", "measures", "observed_at")} for record in (first, second)]
    ids = sorted(hashlib.sha256(rfc8785.dumps(content)).hexdigest() for content in contents)
    assert sorted([first["record_id"], second["record_id"]]) == ids
    digest = hashlib.sha256("".join(f"{record_id}\n" for record_id in ids).encode()).hexdigest()
    assert rest.get(f"/api/datasets/upload-{name}")["digest"] == f"sha256:{digest}"


def test_a_file_is_taken_once_and_so_is_a_request_id(rest: Rest) -> None:
    name = rest.create(a_profile("upload-once"))
    first = rest.upload(name, ROWS, CSV)
    assert rest.upload(name, ROWS, CSV) == first
    again = rest.upload(name, ROWS + HEADER.replace("at", "bad"), CSV)
    assert (again["receipt"]["deduplicated"], again["receipt"]["quarantined"]) == ("2", "1")
    named = rest.upload(name, ROWS, CSV, request_id="load-1")
    assert named["run_id"] not in (first["run_id"], again["run_id"])
    assert rest.upload(name, ROWS + "\n", CSV, request_id="load-1") == named
    assert rest.get(f"/api/datasets/{name}")["row_count"] == "2"


def test_a_file_that_comes_several_times_at_once_is_taken_once(rest: Rest) -> None:
    name = rest.create(a_profile("upload-at-once"))
    with ThreadPoolExecutor(6) as threads:
        runs = list(threads.map(lambda _: rest.upload(name, ROWS, CSV), range(6)))
    assert runs == [runs[0]] * 6
    assert len(rest.records(name)) == 2
    assert rest.get(f"/api/datasets/{name}")["version"] == "1"


def test_a_file_of_several_megabytes_is_cut_into_pieces_that_keep_their_positions(rest: Rest) -> None:
    name = rest.create(a_profile("upload-large"))
    rows = [f"2026-01-01T00:00:00Z,{n},{'w' * 60},1.25,2\n" for n in range(200_000)]
    rows[199_998] = "2026-01-01T00:00:00Z,many,a,1.25,2\n"
    content = HEADER + "".join(rows)
    assert len(content) > 2 * (8 << 20)
    run = rest.upload(name, content, CSV)
    assert (run["receipt"]["delivered"], run["receipt"]["quarantined"]) == ("199999", "1")
    assert run["receipt"]["size_bytes"] == str(len(content))
    (bad,) = rest.quarantine(name)
    assert (bad["page"], bad["record"]) == ("1", "199999")


@pytest.mark.parametrize(
    ("media_type", "content", "reason", "message"),
    [
        ("application/json", b"{}", "UNSUPPORTED_MEDIA_TYPE", "content-type application/json is not read here"),
        ("", b"{}", "UNSUPPORTED_MEDIA_TYPE", "is not read here"),
        (PARQUET, b"", "INVALID_DOCUMENT", "the upload is empty"),
        (PARQUET, as_parquet(a_table())[:-9], "MALFORMED_BODY", "Parquet magic bytes not found in footer"),
        (PARQUET, ROWS.encode(), "MALFORMED_BODY", "Parquet magic bytes not found in footer"),
        (ARROW, as_arrow(a_table())[:-8], "MALFORMED_BODY", "it ends before its end marker"),
        (ARROW, as_arrow(a_table())[:300], "MALFORMED_BODY", "it ends before its end marker"),
        (ARROW, b"junk" + as_arrow(a_table()), "MALFORMED_BODY", "Expected to read"),
        (CSV, b"at,at\n1,2\n", "MALFORMED_BODY", 'two columns "at"'),
        (CSV, b"when,n\n1,2\n", "SOURCE_FIELD_MISSING", 'observed_at: no record of page 1 has "at"; its keys: when, n'),
        (NDJSON, b'{"when": 1}\n', "SOURCE_FIELD_MISSING", 'no record of page 1 has "at"'),
        (PARQUET, as_parquet(pa.table({"at": [[1]]})), "MALFORMED_BODY", 'column "at" of page 1 is list'),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_whole(
    rest: Rest, media_type: str, content: bytes, reason: str, message: str
) -> None:
    if rest.http.get("/api/profiles/upload-refused").status_code == 404:
        rest.create(a_profile("upload-refused"))
    refused = refusal(rest.uploaded("upload-refused", content, media_type))
    assert (refused.status, refused.reason) == (400, reason)
    assert message in refused.message
    assert rest.state_of("upload-refused") == NOTHING


def test_a_row_that_is_ragged_or_not_utf8_waits_in_quarantine_and_the_others_are_delivered(rest: Rest) -> None:
    name = rest.create(a_profile("upload-ragged"))
    bad = b"2026-01-01T00:02:00Z,3,a\n2026-01-01T00:02:00Z,3,a,1.25,2,9\n2026-01-01T00:03:00Z,4,\xff,1.25,2\n"
    run = rest.upload(name, ROWS.encode() + bad, CSV)
    assert (run["receipt"]["delivered"], run["receipt"]["quarantined"]) == ("2", "3")
    waiting = rest.quarantine(name)
    assert [(record["record"], record["errors"][0]["reason"]) for record in waiting] == [
        ("3", "RECORD_ERROR_REASON_MALFORMED"),
        ("4", "RECORD_ERROR_REASON_MALFORMED"),
        ("5", "RECORD_ERROR_REASON_INVALID_UTF8"),
    ]
    assert json.loads(waiting[0]["raw"]) == "2026-01-01T00:02:00Z,3,a"


def test_a_file_over_the_limit_is_refused_and_a_stream_as_soon_as_it_is_over(rest: Rest) -> None:
    name = rest.create(a_profile("upload-limit"))
    refused = refusal(rest.uploaded(name, b"x" * (MAX_UPLOAD_BYTES + 1), CSV))
    assert refused[:2] == (413, "BODY_TOO_LARGE")
    assert refused.metadata["limit_bytes"] == str(MAX_UPLOAD_BYTES)

    def without_end() -> Iterator[bytes]:
        while True:
            yield b"x" * (1 << 20)

    headers = {"content-type": CSV}
    endless = rest.http.post(f"/api/profiles/{name}/records", content=without_end(), headers=headers)
    assert refusal(endless)[:2] == (413, "BODY_TOO_LARGE")
    assert rest.state_of(name) == NOTHING


def test_an_upload_to_no_profile_or_without_a_key_is_refused(rest: Rest, mesh: Any) -> None:
    assert refusal(rest.uploaded("nowhere", ROWS, CSV))[:2] == (404, "PROFILE_NOT_FOUND")
    with mesh.client(key="") as anonymous:
        assert refusal(Rest(anonymous).uploaded("nowhere", ROWS, CSV))[:2] == (403, "PERMISSION_MISSING")


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_upload_that_is_cut_leaves_nothing_but_an_entry_in_the_ledger(
    rest: Rest, mesh: Any, framing: str, end: str
) -> None:
    name = rest.create(a_profile(f"upload-cut-{framing}-{end}"))
    for _ in range(5):
        cut(mesh, f"/api/profiles/{name}/records", ROWS.encode(), framing=framing, end=end)
    until(lambda: len(entries(rest, name)) == 5)
    assert {entry["event"]["outcome"] for entry in entries(rest, name)} == {"CANCELLED"}
    assert rest.state_of(name) == NOTHING
    assert rest.get("/api/runs", profile_id=name)["runs"] == []
    assert received(mesh) == list((mesh.data_dir / "default" / "uploads").iterdir()) == []
    assert list((mesh.data_dir / "default" / "stages").iterdir()) == []
    assert rest.upload(name, ROWS, CSV)["receipt"]["delivered"] == "2"


def entries(rest: Rest, profile_id: str) -> list[Any]:
    query = {"action": "records.upload", "resource": f"profiles/{profile_id}"}
    return rest.listed("/api/audit/entries", "entries", **query)


def cut(mesh: Any, path: str, content: bytes, *, framing: str, end: str) -> None:
    """Send whole rows of an upload that promises more, and go away when the service has begun to take it."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {mesh.admin_key}\r\ncontent-type: {CSV}\r\n"
    )
    if framing == "chunked":
        head, content = f"{head}transfer-encoding: chunked\r\n", b"%x\r\n%s\r\n" % (len(content), content)
    else:
        head = f"{head}content-length: {len(content) + 1000}\r\n"
    with socket.create_connection(("127.0.0.1", mesh.port)) as connection:
        connection.sendall(f"{head}\r\n".encode() + content)
        until(lambda: bool(received(mesh)))
        if end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: not received(mesh))


def received(mesh: Any) -> list[str]:
    """Return the nameless files that the aggregator is writing uploads to."""
    files = Path(f"/proc/{mesh.state['processes']['aggregator']}/fd").iterdir()
    return [target for target in map(target_of, files) if "/uploads/" in target]


def target_of(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""
