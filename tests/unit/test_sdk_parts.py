"""The parts of the Python SDK that need no mesh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chartly.api.coordinator.v1 import coordinator_pb2
from chartly.api.storage.v1 import storage_pb2
from chartly.sdk import AsyncChartly, Chartly, ChartlyError, DataLoss, FailedPrecondition, NotFound, Validator
from chartly.sdk.documents import body_of
from chartly.sdk.errors import error_of_status
from chartly.sdk.policy import deadline_seconds, method_of, retries
from chartly.sdk.rows import RowDecoder
from chartly.sdk.settings import Settings
from google.rpc import code_pb2, error_details_pb2, status_pb2
from google.rpc.code_pb2 import Code

ROWS = [{"record_id": str(n), "measures": {"x": n / 3}} for n in range(3)]
END = {"end": {"row_count": 3}}


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def settings(url: str | None = None, api_key: str | None = None, token: str | None = None) -> Settings:
    return Settings.of(url, api_key, token, None)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHARTLY_URL", "CHARTLY_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "target", "secure"),
    [
        (None, "localhost:8090", False),
        ("http://mesh", "mesh:80", False),
        ("https://mesh/", "mesh:443", True),
        ("http://[::1]:8090", "[::1]:8090", False),
    ],
)
def test_a_url_says_where_the_mesh_is(url: str | None, target: str, secure: bool) -> None:
    assert (settings(url).target, settings(url).secure) == (target, secure)


@pytest.mark.parametrize("url", ["localhost:8090", "ftp://mesh", "http://", "http://mesh/api"])
def test_a_url_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the URL of a mesh looks like"):
        Chartly(url)


def test_the_environment_says_what_the_caller_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTLY_URL", "http://there:1")
    monkeypatch.setenv("CHARTLY_API_KEY", " chk_env\n")
    assert (settings().target, settings().bearer) == ("there:1", "chk_env")
    assert settings(api_key="").bearer == ""
    assert settings(token="t").bearer == "t"
    with pytest.raises(ValueError, match="not both"):
        settings(api_key="k", token="t")


def test_a_method_follows_from_its_request() -> None:
    assert method_of(coordinator_pb2.RunNowRequest.DESCRIPTOR) == (
        "/chartly.api.coordinator.v1.CoordinatorService/RunNow"
    )
    with pytest.raises(LookupError, match=r"no method takes chartly\.api\.storage\.v1\.Dataset"):
        method_of(storage_pb2.Dataset.DESCRIPTOR)


def test_deadlines_are_of_the_contract_and_limit_no_caller() -> None:
    assert deadline_seconds("/chartly.api.storage.v1.StorageService/ReadDataset") == 3600
    assert deadline_seconds("/chartly.api.gateway.v1.GatewayService/GetStatus") == 5
    assert "timeout" not in retries()
    assert "retryPolicy" in retries()


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_rows_are_read_wherever_their_bytes_are_cut(size: int) -> None:
    body = lines(*ROWS, END)
    decoder = RowDecoder("r")
    assert [row for at in range(0, len(body), size) for row in decoder.rows(body[at : at + size])] == ROWS
    decoder.check_end()


@pytest.mark.parametrize("body", [b"", lines(*ROWS), lines(*ROWS, END)[:-1], lines(*ROWS[:2])])
def test_rows_without_an_end_were_cut(body: bytes) -> None:
    decoder = RowDecoder("request")
    list(decoder.rows(body))
    with pytest.raises(DataLoss) as caught:
        decoder.check_end()
    assert caught.value.request_id == "request"


def test_an_end_that_counts_other_rows_is_a_loss() -> None:
    with pytest.raises(DataLoss, match="after 2 rows"):
        list(RowDecoder("r").rows(lines(*ROWS[:2], END)))


def test_rows_that_end_with_an_error_raise_it() -> None:
    status = {
        "code": 5,
        "message": "gone",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ERROR_REASON_DATASET_NOT_FOUND",
                "metadata": {"dataset_id": "orders"},
            }
        ],
    }
    with pytest.raises(NotFound, match="gone") as caught:
        list(RowDecoder("r").rows(lines(*ROWS, {"error": status})))
    assert (caught.value.reason, caught.value.metadata) == ("ERROR_REASON_DATASET_NOT_FOUND", {"dataset_id": "orders"})


def test_each_code_has_a_class_or_is_a_chartly_error() -> None:
    errors = {
        code: error_of_status(status_pb2.Status(code=number, message="words"), "r")
        for code, number in Code.items()
        if number
    }
    assert all(error.code == code and str(error) == "words" for code, error in errors.items())
    assert {code for code, error in errors.items() if type(error) is ChartlyError} == {"UNKNOWN", "OUT_OF_RANGE"}


def test_an_error_carries_its_violations() -> None:
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message="words")
    bad_request = error_details_pb2.BadRequest()
    bad_request.field_violations.add(field="page_size", description="too small")
    status.details.add().Pack(bad_request)
    [violation] = error_of_status(status, "r").violations
    assert (violation.field, violation.description, violation.reason) == ("page_size", "too small", "")


def test_a_document_travels_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "profile.yml"
    path.write_text("profile_id: x")
    bodies = [body_of(document, None) for document in ("a: 1", b"a: 1", {"a": "ä"}, path)]
    assert [body.content_type for body in bodies] == ["application/yaml"] * 2 + ["application/json", "application/yaml"]
    assert json.loads(bodies[2].data) == {"a": "ä"}
    assert body_of(path, "text/plain").content_type == "text/plain"
    with pytest.raises(ValueError, match="does not tell its media type"):
        body_of(tmp_path / "profile", None)


def test_a_validator_fetches_nothing() -> None:
    with pytest.raises(Exception, match=r"http://127\.0\.0\.1:1/schema\.json"):
        Validator({"$ref": "http://127.0.0.1:1/schema.json"})


def test_a_validator_names_each_problem_once_by_its_place() -> None:
    validator = Validator(
        {
            "properties": {"a": {"allOf": [{"minimum": 2}, {"minimum": 3}]}, "b": False, "~/": {"type": "null"}},
            "propertyNames": {"maxLength": 2},
        }
    )
    problems = validator.problems({"a": 1, "b": 1, "~/": 1, "long": 1})
    assert [(problem.path, problem.keyword) for problem in problems] == [
        ("", "propertyNames"),
        ("/a", "minimum"),
        ("/b", "false"),
        ("/~0~1", "type"),
    ]
    assert all(problem.message for problem in problems)
    assert validator.is_valid({"a": 3})


@pytest.mark.parametrize("secret", ["chk_one\nchk_two", "chk one", "chk_\x00", "chk_é"])
def test_a_key_that_no_call_can_carry_is_refused_at_once(secret: str) -> None:
    for make in (lambda: Chartly(api_key=secret), lambda: AsyncChartly(token=secret)):
        with pytest.raises(ValueError, match="one line of printable ASCII") as caught:
            make()
        assert secret not in str(caught.value)


async def test_a_closed_client_says_that_it_is_closed() -> None:
    client = Chartly()
    client.close()
    with pytest.raises(FailedPrecondition, match="the client is closed"):
        client.contracts.get("weather")
    with pytest.raises(FailedPrecondition, match="the client is closed"):
        list(client.contracts.list())
    async with AsyncChartly() as other:
        pass
    with pytest.raises(FailedPrecondition, match="the client is closed"):
        await other.contracts.get("weather")
