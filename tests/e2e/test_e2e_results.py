"""Records that clients bring in JSON: taken once, kept to the last digit, refused whole or one by one."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from chartly.api.aggregator.v1 import aggregator_pb2 as pb
from chartly.api.aggregator.v1.aggregator_pb2_grpc import AggregatorServiceStub
from rest import NOTHING, Rest, a_profile, a_record, refusal

AT = '"at": "2026-01-01T00:00:00Z"'


def body(profile_id: str, *records: str, **fields: Any) -> bytes:
    """Return a submission whose records are written just so."""
    head = json.dumps({"profile_id": profile_id, **fields})[:-1]
    return f'{head}, "data": [{", ".join(records)}]}}'.encode()


def test_digits_are_kept_as_they_came(rest: Rest) -> None:
    name = rest.create(a_profile("results-digits"))
    written = f'{{{AT}, "n": 9007199254740993, "who": "a\u2028b", "price": 12.50, "x": 0.1}}'
    answer = rest.http.post("/api/results", content=body(name, written)).json()
    assert answer == {
        "run_id": answer["run_id"],
        "inserted_records": "1",
        "deduped_records": "0",
        "quarantined_records": "0",
    }
    (record,) = rest.records(name)
    assert record["run_id"] == answer["run_id"]
    assert record["observed_at"] == "2026-01-01T00:00:00Z"
    assert record["dims"] == {"n": "9007199254740993", "who": "a\u2028b"}
    assert record["measures"] == {"price": "12.50", "x": 0.1}


def test_a_body_is_taken_once_and_so_is_a_request_id(rest: Rest) -> None:
    name = rest.create(a_profile("results-once"))
    first = rest.submit(name, a_record(1))
    assert rest.submit(name, a_record(1)) == first
    other = rest.submit(name, a_record(1), run_id="mine")
    assert other["run_id"] != first["run_id"]
    assert (other["inserted_records"], other["deduped_records"]) == ("0", "1")
    content = {"profile_id": name, "data": [a_record(2)]}
    named = rest.post("/api/results", content, request_id="load-1")
    assert rest.post("/api/results", {**content, "data": [a_record(3)]}, request_id="load-1") == named
    assert len(rest.records(name)) == 2


def test_bad_records_wait_in_quarantine_with_all_their_errors_and_the_good_are_delivered(rest: Rest) -> None:
    name = rest.create(a_profile("results-bad"))
    bad = {
        f'{{{AT}, "n": 1, "x": NaN}}': ["OUT_OF_RANGE x"],
        f'{{{AT}, "n": 2, "x": 1e400}}': ["OUT_OF_RANGE x"],
        f'{{{AT}, "n": 3, "x": -Infinity}}': ["OUT_OF_RANGE x"],
        f'{{{AT}, "n": "many", "price": 1.999, "x": -1}}': [
            "TYPE_MISMATCH n",
            "SCALE_EXCEEDED price",
            "BELOW_MINIMUM x",
        ],
        f"{{{AT}}}": ["REQUIRED n"],
        '{"at": "yesterday", "n": 6}': ["INVALID_TIME observed_at"],
        "null": ["MALFORMED "],
        f'{{{AT}, "n": 8, "n": 9}}': ["DUPLICATE_KEY n"],
    }
    content = body(name, *bad, json.dumps(a_record(1)), drone_id="shelf-pi")
    answer = rest.http.post("/api/results", content=content).json()
    assert (answer["inserted_records"], answer["quarantined_records"]) == ("1", str(len(bad)))
    waiting = rest.quarantine(name)
    assert [record["raw"] for record in waiting] == list(bad)
    found = [
        sorted(f"{error['reason'].removeprefix('RECORD_ERROR_REASON_')} {error['field']}" for error in record["errors"])
        for record in waiting
    ]
    assert found == [sorted(errors) for errors in bad.values()]
    assert [record["record"] for record in waiting] == [str(number + 1) for number in range(len(bad))]
    assert {record["run_id"] for record in waiting} == {answer["run_id"]}
    run = rest.get(f"/api/runs/{answer['run_id']}")
    assert (run["trigger"], run["drone_id"], run["work_id"]) == ("TRIGGER_SUBMIT", "shelf-pi", "")
    assert run["receipt"]["size_bytes"] == str(len(content))


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        (b"", "MALFORMED_BODY", "the body is no application/json"),
        (b'{"profile_id": "results-refused", "data": [{}', "MALFORMED_BODY", "the body is no application/json"),
        (b'{"profile_id": "results-refused", "data": [{}]} {}', "MALFORMED_BODY", "Extra data"),
        (b'{"profile_id": "results-refused", "data": [{"who": "\xff"}]}', "MALFORMED_BODY", "utf-8"),
        (b'{"profile_id": "results-refused", "data": [{"who": "\\ud800"}]}', "MALFORMED_BODY", "surrogate"),
        (b'{"profile_id": "results-refused", "data": ' + b"[" * 100_000, "MALFORMED_BODY", "recursion"),
        (b"[]", "INVALID_DOCUMENT", "the body is no JSON object"),
        (b'{"profile_id": "results-refused", "date": []}', "INVALID_DOCUMENT", "unknown key 'date'"),
        (b'{"profile_id": "results-refused", "data": {}}', "INVALID_DOCUMENT", "data is no list"),
        (b'{"profile_id": "a", "profile_id": "results-refused", "data": [{}]}', "INVALID_DOCUMENT", "a key stands twice"),
        (b'{"profile_id": "\\ud800", "data": [{}]}', "INVALID_DOCUMENT", "a name is no Unicode text"),
        (b'{"data": [{}]}', "INVALID_FIELD", "profile_id: "),
        (b'{"profile_id": "results-refused", "data": []}', "INVALID_FIELD", "data: "),
        (b'{"profile_id": "results-refused", "drone_id": "' + b"d" * 101 + b'", "data": [{}]}', "INVALID_FIELD", "drone_id: "),
    ],
)  # fmt: skip
def test_a_body_that_is_no_submission_is_refused_whole(rest: Rest, content: bytes, reason: str, message: str) -> None:
    if rest.http.get("/api/profiles/results-refused").status_code == 404:
        rest.create(a_profile("results-refused"))
    refused = rest.refused("POST", "/api/results", content=content)
    assert (refused.status, refused.reason) == (400, reason)
    assert message in refused.message
    assert rest.state_of("results-refused") == NOTHING
    if reason == "INVALID_FIELD":
        assert refused.fields == [message.removesuffix(": ")]


def test_a_submission_to_no_profile_or_of_another_media_type_is_refused(rest: Rest) -> None:
    assert rest.refused("POST", "/api/results", content=body("nowhere", "{}"))[:2] == (404, "PROFILE_NOT_FOUND")
    headers = {"content-type": "application/yaml"}
    refused = rest.refused("POST", "/api/results", content=body("nowhere", "{}"), headers=headers)
    assert refused[:2] == (400, "UNSUPPORTED_MEDIA_TYPE")


def test_a_submission_over_the_limit_is_refused_with_the_limit(rest: Rest) -> None:
    refused = rest.refused("POST", "/api/results", content=b" " * ((16 << 20) + 10))
    assert refused[:2] == (413, "BODY_TOO_LARGE")
    assert refused.metadata["limit_bytes"] == str(16 << 20)
    # The largest that the edge passes on reaches the service, which reads it.
    refused = rest.refused("POST", "/api/results", content=b" " * (16 << 20))
    assert refused[:2] == (400, "MALFORMED_BODY")


def test_a_value_that_a_field_of_severity_fail_refuses_fails_the_whole_submission(rest: Rest) -> None:
    profile = a_profile("results-fail")
    profile["measures"]["x"]["severity"] = "fail"
    name = rest.create(profile)
    refused = rest.refused("POST", "/api/results", json={"profile_id": name, "data": [a_record(1), a_record(2, x=-1)]})
    assert refused[:2] == (400, "VALUE_REFUSED")
    assert (refused.metadata["field"], refused.metadata["record"]) == ("x", "2")
    assert rest.state_of(name) == NOTHING


def test_a_typed_submission_is_the_same_as_a_raw_one(rest: Rest, mesh: Any) -> None:
    name = rest.create(a_profile("results-typed"))
    records = [f'{{{AT}, "n": 9007199254740993, "price": 12.50}}', f'{{{AT}, "n": "?"}}']
    request = pb.SubmitResultsRequest(submission=pb.Submission(profile_id=name, drone_id="typed", data=records))
    metadata = [("authorization", f"Bearer {mesh.admin_key}")]
    with grpc.insecure_channel(f"127.0.0.1:{mesh.port}") as channel:
        submit: Any = AggregatorServiceStub(channel).SubmitResults  # type: ignore[arg-type]
        answer = submit(request, metadata=metadata)
        assert submit(request, metadata=metadata) == answer
        with pytest.raises(grpc.RpcError) as refused:
            submit(pb.SubmitResultsRequest(submission=pb.Submission(profile_id=name)), metadata=metadata)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (answer.inserted_records, answer.quarantined_records) == (1, 1)
    assert rest.records(name)[0]["dims"] == {"n": "9007199254740993", "who": None}


def test_a_viewer_may_not_submit(rest: Rest, mesh: Any) -> None:
    with mesh.client(key="") as anonymous:
        answer = anonymous.post("/api/results", content=body("nowhere", "{}"))
    assert refusal(answer)[:2] == (403, "PERMISSION_MISSING")
