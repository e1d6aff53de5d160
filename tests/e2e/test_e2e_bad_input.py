"""Bad input, end to end: each case says what is wrong, where, and has no effect; what comes after it works."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_source import HttpSource, Reply, http_source
from mesh_process import CHARTLY
from rest import YAML, Rest, a_profile, a_record

HEADER = "at,n,who,price,x\n"
ROW = "2026-01-01T00:00:00Z,1,a,1.25,2\n"
PROFILE = "profile_id: bad\nsource: {file: {path: bad.csv}}\ndims:\n  n: {type: integer}\n"
KEY = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
# A document each, with the place and the beginning of what is said of it.
DOCUMENTS = {
    "a bomb": ("a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n", "1:4 anchors and aliases are refused"),
    "an alias": (f"{PROFILE}measures: &m {{x: {{type: number}}}}\n", "5:11 anchors and aliases are refused"),
    "a merge key": (f"{PROFILE}measures:\n  x: {{<<: {{type: number}}}}\n", "6:7 merge keys are refused"),
    "a duplicate key": (f"{PROFILE}profile_id: worse\n", '5:1 duplicate key "profile_id", first at line 1'),
    "an unknown key": (f"{PROFILE}measurs: {{}}\n", '5:1 unknown key "measurs"; did you mean "measures"?'),
    "a key below": (
        f"{PROFILE}  m: {{type: string, requird: true}}\n",
        '5:21 unknown key "requird"; did you mean "required"?',
    ),
    "a deep nest": (f"{PROFILE}measures: {'{a: ' * 2000}1{'}' * 2000}\n", "5:132 more than 32 levels of nesting"),
    "a tag": (f"{PROFILE}owner: !!python/object/apply:os.system [id]\n", "5:8 tags are refused"),
    "not a number": (f"{PROFILE}measures:\n  x: {{type: number, minimum: .nan}}\n", "6:30 nan is not a number"),
    "1e400": (f"{PROFILE}measures:\n  x: {{type: number, maximum: 1e400}}\n", "6:30 1e400 is not a number"),
    "invalid UTF-8": (f"{PROFILE}owner: \udcff\n", "5:8 byte 0xff is not UTF-8"),
    "two documents": (f"{PROFILE}---\n{PROFILE}", "5:1 a second document starts here"),
    "an empty document": ("", "1:1 the document is empty"),
    "a secret written out": (f"{PROFILE}owner: {KEY}\n", "5:8 "),
}


@pytest.fixture(scope="module")
def source() -> Iterator[HttpSource]:
    with http_source() as running:
        yield running


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_bad_profile_is_refused_with_its_place_by_edge_and_command(
    rest: Rest, mesh: Any, tmp_path: Path, name: str
) -> None:
    text, message = DOCUMENTS[name]
    content = text.encode(errors="surrogateescape")
    refused = rest.refused("POST", "/api/profiles", content=content, headers={"content-type": YAML})
    assert refused[:2] == (400, "INVALID_DOCUMENT")
    assert message in refused.message
    assert refused.message.endswith("Nothing was saved.")
    (tmp_path / "bad.yaml").write_bytes(content)
    ended = mesh.chartly("profile", "apply", str(tmp_path / "bad.yaml"))
    assert ended.returncode == 2, ended.stderr
    assert f"{tmp_path}/bad.yaml:{message}" in ended.stderr
    assert rest.refused("GET", "/api/profiles/bad")[:2] == (404, "PROFILE_NOT_FOUND")


def test_a_profile_of_a_hundred_megabytes_is_refused_unread(rest: Rest, mesh: Any, tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.write(f"{PROFILE}description: ".encode())
        file.truncate(100 << 20)
    headers = {"content-type": YAML}
    refused = rest.refused("POST", "/api/profiles", content=huge.read_bytes(), headers=headers)
    assert refused[:2] == (413, "BODY_TOO_LARGE")
    ended = mesh.chartly("profile", "apply", str(huge))
    assert ended.returncode == 2
    assert f"{huge} has more than the 1048576 bytes that a document may have" in ended.stderr
    assert rest.refused("GET", "/api/profiles/bad")[:2] == (404, "PROFILE_NOT_FOUND")


def zipped(text: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", text)
    return sink.getvalue()


ROWS = HEADER + "".join(ROW.replace(",1,", f",{n},") for n in range(2000))
FILES = {
    "missing": (None, {"path": "nothing.csv"}, "FILE_NOT_FOUND", "nothing.csv"),
    "outside": (None, {"path": "/etc/passwd"}, "PATH_NOT_ALLOWED", "/etc/passwd"),
    "zip": (zipped(ROWS)[:-200], {"path": "bad-zip.csv.zip"}, "DATA_CORRUPT", "bad-zip.csv.zip"),
    "gzip": (gzip.compress(ROWS.encode())[:-200], {"path": "bad-gzip.csv.gz"}, "DATA_CORRUPT", "bad-gzip.csv.gz"),
    "parquet": (b"PAR1 but no more", {"path": "bad-parquet.parquet"}, "DATA_CORRUPT", "cannot be read as Parquet"),
    "json": (b'{"data": [{}', {"path": "bad-json.json"}, "DATA_CORRUPT", "not JSON"),
    "excel": (b"PK", {"path": "bad-excel.xlsx"}, "UNSUPPORTED_FORMAT", "bad-excel.xlsx"),
    "unmapped": (b"when,n\n1,2\n", {"path": "bad-unmapped.csv"}, "SOURCE_FIELD_MISSING", 'no record of page 1 has "at"'),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_fails_its_run_before_the_commit(rest: Rest, mesh: Any, name: str) -> None:
    content, file, reason, message = FILES[name]
    if content is not None:
        (mesh.data_dir.parent / file["path"]).write_bytes(content)
    run = rest.run(rest.create(a_profile(f"bad-{name}", source={"file": file})))
    check_failed(rest, mesh, run, reason, message)


PAGED: dict[str, Any] = {"pagination": {"page_number": {}}}
HTML = Reply(b"<!doctype html><title>Sign in</title>", "text/html")
RECORDS = Reply(json.dumps([a_record(1), a_record(2)]).encode())
ANSWERS: dict[str, tuple[dict[str, Reply], dict[str, Any], str, str]] = {
    "loop": ({f"/loop?page={page}": RECORDS for page in range(1, 9)}, PAGED, "PAGE_REPEATED", "page 2 repeats page 1"),
    "html": ({"/html": HTML}, {}, "SOURCE_ANSWER_INVALID", "text/html"),
    "html-as-json": ({"/html-as-json": Reply(HTML.body)}, {}, "SOURCE_ANSWER_INVALID", "begins with"),
    "cut": ({"/cut": RECORDS._replace(body=RECORDS.body[:-20])}, {}, "DATA_CORRUPT", "not JSON"),
    "nowhere": ({}, {}, "SOURCE_REFUSED", "404"),
    "unmapped": ({"/unmapped": Reply(b'[{"when": 1}]')}, {}, "SOURCE_FIELD_MISSING", 'no record of page 1 has "at"'),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_a_bad_answer_fails_its_run_before_the_commit(rest: Rest, mesh: Any, source: HttpSource, name: str) -> None:
    replies, changes, reason, message = ANSWERS[name]
    source.replies |= replies
    run = rest.run(rest.create(a_profile(f"bad-answer-{name}", source=source.profile_source(f"/{name}", **changes))))
    check_failed(rest, mesh, run, reason, message)


def test_an_address_that_is_not_allowed_is_refused_with_the_way_out(rest: Rest, mesh: Any, source: HttpSource) -> None:
    url = source.url.replace("127.0.0.1", "localhost")
    name = rest.create(a_profile("bad-address", source={"http_rest": {"url": f"{url}/rows"}}))
    asked = len(source.paths)
    run = rest.run(name)
    check_failed(rest, mesh, run, "ADDRESS_REFUSED", f"chartly up --allow-host {url.removeprefix('http://')}")
    assert len(source.paths) == asked


def test_a_secret_that_nobody_declared_stops_the_run_before_it_asks(rest: Rest, mesh: Any, source: HttpSource) -> None:
    bearer = source.profile_source("/rows", auth={"bearer": "${BAD_INPUT_TOKEN}"})
    asked = len(source.paths)
    run = rest.run(rest.create(a_profile("bad-secret", source=bearer)))
    check_failed(rest, mesh, run, "SECRET_NOT_DECLARED", "secret BAD_INPUT_TOKEN is not declared for 127.0.0.1")
    assert len(source.paths) == asked


def check_failed(rest: Rest, mesh: Any, run: Any, reason: str, message: str) -> None:
    """Check that a run failed for a reason, committed nothing, and left nothing behind."""
    assert (run["state"], run["reason"]) == ("RUN_STATE_FAILED", f"ERROR_REASON_{reason}"), run["message"]
    assert message in run["message"]
    assert run["dataset_version"] == "0"
    assert rest.refused("GET", f"/api/datasets/{run['profile_id']}")[:2] == (404, "DATASET_NOT_FOUND")
    assert rest.get(f"/api/work/{run['work_id']}")["state"] == "WORK_STATE_DEAD"
    assert list((mesh.data_dir / "default" / "stages").iterdir()) == []
    shown = mesh.chartly("run", run["profile_id"], "--follow")
    assert shown.returncode == 1, shown.stdout + shown.stderr
    assert message in " ".join((shown.stdout + shown.stderr).split())


def test_a_run_that_fails_leaves_its_dataset_as_it_was_and_the_queue_goes_on(
    rest: Rest, mesh: Any, source: HttpSource
) -> None:
    profile = a_profile("bad-later", source=source.profile_source("/later", **PAGED))
    source.replies |= {"/later?page=1": RECORDS, "/later?page=2": Reply(b"[]")}
    name = rest.create(profile)
    assert rest.run(name)["receipt"]["delivered"] == "2"
    before = rest.state_of(name)
    source.replies |= {"/later?page=1": Reply(json.dumps([a_record(3)]).encode()), "/later?page=2": HTML}
    assert rest.run(name)["reason"] == "ERROR_REASON_SOURCE_ANSWER_INVALID"
    assert rest.state_of(name) == before
    source.replies |= {"/later?page=2": Reply(b"[]")}
    assert rest.run(name)["receipt"]["delivered"] == "1"


def test_a_bad_row_waits_in_quarantine_and_the_others_are_delivered(rest: Rest, mesh: Any) -> None:
    name = rest.create(a_profile("bad-rows"))
    rows = [
        b"2026-01-01T00:00:00Z,2,a,1.25\n",
        b"2026-01-01T00:00:00Z,3,a,1.25,2,9\n",
        b"2026-01-01T00:00:00Z,4,\xff,1.25,2\n",
        b"2026-01-01T00:00:00Z,5,a,1.25,NaN\n",
        b"2026-01-01T00:00:00Z,6,a,1.25,1e400\n",
        b"2026-01-01T00:00:00Z,7,a,1.25,-1e400\n",
    ]
    (mesh.data_dir.parent / f"{name}.csv").write_bytes(HEADER.encode() + b"".join(rows) + ROW.encode())
    run = rest.run(name)
    assert run["state"] == "RUN_STATE_SUCCEEDED"
    assert (run["receipt"]["extracted"], run["receipt"]["delivered"], run["receipt"]["quarantined"]) == ("7", "1", "6")
    found = [(record["record"], record["errors"][0]["reason"]) for record in rest.quarantine(name)]
    assert found == [
        ("1", "RECORD_ERROR_REASON_MALFORMED"),
        ("2", "RECORD_ERROR_REASON_MALFORMED"),
        ("3", "RECORD_ERROR_REASON_INVALID_UTF8"),
        ("4", "RECORD_ERROR_REASON_OUT_OF_RANGE"),
        ("5", "RECORD_ERROR_REASON_OUT_OF_RANGE"),
        ("6", "RECORD_ERROR_REASON_OUT_OF_RANGE"),
    ]


def test_a_value_of_severity_fail_fails_the_run(rest: Rest, mesh: Any) -> None:
    profile = a_profile("bad-value")
    profile["measures"]["x"]["severity"] = "fail"
    name = rest.create(profile)
    (mesh.data_dir.parent / f"{name}.csv").write_text(HEADER + ROW + ROW.replace(",2\n", ",-2\n"))
    check_failed(rest, mesh, rest.run(name), "VALUE_REFUSED", "x")


def test_a_data_folder_that_cannot_be_written_is_refused_by_mesh_and_service(tmp_path: Path) -> None:
    # Below a file nobody can write, root included.
    (tmp_path / "file").write_text("mine")
    up = run_chartly("up", "--port", "0", "--base-port", "0", folder=tmp_path)
    assert up.returncode == 4
    assert up.stderr.startswith(f"the data folder {tmp_path}/file/data cannot be written (Not a directory). ")
    serve = run_chartly("serve", "registry", "--port", "0", folder=tmp_path)
    assert serve.returncode == 1
    line = json.loads(serve.stderr)
    assert (line["level"], line["service"]) == ("error", "registry")
    assert (
        line["message"] == f"the data folder {tmp_path}/file/data cannot be written (Not a directory); choose another"
    )
    assert (tmp_path / "file").read_text() == "mine"


def run_chartly(*arguments: str, folder: Path) -> Any:

    environment = {**os.environ, "CHARTLY_DATA_DIR": str(folder / "file" / "data")}
    return subprocess.run(
        [str(CHARTLY), *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
