"""The places in a file that errors speak of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.cli.documents import Document, read_document, say_problems, say_warnings
from chartly.runtime import ChartlyError, FieldViolation, status_of
from chartly.runtime.errors import STATUS_KEY

TEXT = b"""profile_id: arrow-issues
source:
  http_rest:
    url: https://api.github.com/repos/apache/arrow/issues
    auth: {bearer: "${GITHUB_TOKEN}"}
dims:
  state: {type: string, enum: [open, closed]}
measures:
  comments: {type: integer}
observed_at: {source: updated_at}
"""


class Refusal(ChartlyError):
    code = grpc.StatusCode.PERMISSION_DENIED
    reason = ErrorReason.ERROR_REASON_SECRET_NOT_DECLARED


class Lacking(ChartlyError):
    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = ErrorReason.ERROR_REASON_SOURCE_FIELD_MISSING


def a_document() -> Document:
    return Document("arrow.yaml", TEXT, "yaml")


def as_call(error: ChartlyError) -> grpc.aio.AioRpcError:
    trailing = grpc.aio.Metadata((STATUS_KEY, status_of(error).SerializeToString()))
    return grpc.aio.AioRpcError(error.code, grpc.aio.Metadata(), trailing, error.message, "")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("source.http_rest.auth.bearer", "arrow.yaml:5:20"),
        ("dims.state.enum[1]", "arrow.yaml:7:38"),
        ("dims.state.pattern", "arrow.yaml:7:10"),
        ("", "arrow.yaml"),
    ],
)
def test_a_field_has_its_place_or_that_of_the_nearest_field_above(path: str, place: str) -> None:
    assert a_document().at(path) == place


def test_a_document_that_cannot_be_read_has_no_places() -> None:
    assert Document("bad.yaml", b"a: [", "yaml").at("a") == "bad.yaml"


def test_a_secret_that_is_not_declared_is_shown_where_the_file_refers_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    text = "secret GITHUB_TOKEN is not declared for api.github.com. Nothing was fetched."
    error = Refusal(text, violations=[FieldViolation("source.http_rest.auth.bearer", text)])
    with pytest.raises(SystemExit) as end, a_document().placing("Nothing was fetched."):
        raise as_call(error)
    assert end.value.code == 4
    said = capsys.readouterr().err
    assert said == ("arrow.yaml:5:20 secret GITHUB_TOKEN is not declared for api.github.com. Nothing was fetched.\n")


@pytest.mark.parametrize(
    ("metadata", "place"),
    [
        ({"field": "comments", "source": "comments"}, "9:13"),
        ({"field": "observed_at", "source": "updated_at"}, "10:23"),
        ({"page": "1"}, "3:3"),
    ],
)
def test_what_records_lack_is_shown_where_the_file_speaks_of_it(
    capsys: pytest.CaptureFixture[str], metadata: Any, place: str
) -> None:
    with pytest.raises(SystemExit), a_document().placing("Nothing was fetched."):
        raise as_call(Lacking("no record of page 1 has it", **metadata))
    assert capsys.readouterr().err == f"arrow.yaml:{place} no record of page 1 has it. Nothing was written.\n"


def test_an_error_about_nothing_in_the_file_gets_no_place() -> None:
    with pytest.raises(grpc.aio.AioRpcError), a_document().placing("Nothing was saved."):
        raise as_call(Lacking("no such field", field="rain"))


def test_problems_that_say_their_place_get_the_file_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    problem = 'unknown key "paginaton"; did you mean "pagination"?'
    violations = [FieldViolation("source.http_rest.paginaton", f"12:5 {problem}", "UNKNOWN_KEY")]
    with pytest.raises(SystemExit), a_document().placing("Nothing was saved."):
        raise as_call(Refusal("1 problem", violations=violations))
    assert capsys.readouterr().err == f"arrow.yaml:12:5 {problem} Nothing was saved.\n"


def test_a_file_is_json_by_its_name_and_yaml_otherwise(tmp_path: Path) -> None:
    for name, media_type in (("a.json", "application/json"), ("a.yml", "application/yaml"), ("a", "application/yaml")):
        (tmp_path / name).write_bytes(b"{}")
        assert read_document(tmp_path / name).body().content_type == media_type


def test_a_document_that_no_service_takes_is_not_read_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SystemExit, match="2"):
        read_document(huge)
    assert capsys.readouterr().err.startswith(f"{huge} has more than the 1048576 bytes that a document may have")
    huge.write_bytes(bytes(1 << 20))
    assert len(read_document(huge).data) == 1 << 20


def test_warnings_leave_standard_output_to_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    say_warnings(["contract weather@1 is deprecated: use weather-se"])
    assert capsys.readouterr() == ("", "warning: contract weather@1 is deprecated: use weather-se\n")


def test_as_many_problems_are_shown_as_somebody_reads(capsys: pytest.CaptureFixture[str]) -> None:
    say_problems([f"a.proto:{line}:1 unknown type X{line}" for line in range(1, 1001)], "Nothing.", total=9800)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 101
    assert lines[99:] == ["a.proto:100:1 unknown type X100", "and 9 700 more. Nothing."]
