"""Errors on the wire and back, without a wire."""

from __future__ import annotations

import grpc
import pytest
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime import ChartlyError, FieldViolation, error_of, status_of
from chartly.runtime.errors import MAX_STATUS_BYTES, InvalidField, RemoteError, reason_named
from google.rpc import error_details_pb2
from grpc import StatusCode


class Conflict(ChartlyError):
    """Made for these tests."""

    code = StatusCode.ABORTED
    reason = ErrorReason.ERROR_REASON_REVISION_CONFLICT


def read_back(error: ChartlyError) -> ChartlyError:
    details = status_of(error).SerializeToString()
    trailers = grpc.aio.Metadata(("grpc-status-details-bin", details))
    return error_of(grpc.aio.AioRpcError(error.code, grpc.aio.Metadata(), trailers, "as text", None))


def test_an_error_comes_back_as_it_was() -> None:
    violations = [FieldViolation("profile.name", "must be short", "string.max_len"), FieldViolation("", "says nothing")]
    sent = Conflict("moved on; read it", violations=violations, retry_after_seconds=0.25, base_revision=2, name="ü")
    back = read_back(sent)
    assert isinstance(back, RemoteError)
    assert (back.code, back.reason, back.message) == (sent.code, sent.reason, sent.message)
    assert back.violations == tuple(violations)
    assert (back.metadata, back.retry_after_seconds) == ({"base_revision": "2", "name": "ü"}, 0.25)


def test_an_error_without_extras_carries_its_reason_alone() -> None:
    (detail,) = status_of(Conflict("no")).details
    info = error_details_pb2.ErrorInfo()
    assert detail.Unpack(info)
    assert info == error_details_pb2.ErrorInfo(reason="ERROR_REASON_REVISION_CONFLICT", domain="chartly.dev")


@pytest.mark.parametrize("unit", ["x", "ü", "🜚"])
def test_a_long_error_is_cut_between_characters(unit: str) -> None:
    violations = [FieldViolation(f"f{number}", unit * 5000) for number in range(500)]
    sent = Conflict(unit * 5000, violations=violations, value=unit * 5000)
    status, back = status_of(sent), read_back(sent)
    assert status.ByteSize() <= MAX_STATUS_BYTES
    assert back.message == unit * (len(back.message) - 1) + "…"
    assert back.metadata["value"].endswith(unit + "…")
    assert len(back.violations) + int(back.metadata["omitted_violations"]) == 500
    assert len(back.violations) > 5


def test_a_reason_of_a_newer_version_is_not_known() -> None:
    assert reason_named("ERROR_REASON_OF_TOMORROW") == ErrorReason.ERROR_REASON_UNSPECIFIED
    assert reason_named("ERROR_REASON_BUG") == ErrorReason.ERROR_REASON_BUG


def test_an_error_that_the_wire_made_keeps_its_code_and_text() -> None:
    empty = grpc.aio.Metadata()
    error = error_of(grpc.aio.AioRpcError(StatusCode.RESOURCE_EXHAUSTED, empty, empty, "message is too large", None))
    assert (error.code, error.message) == (StatusCode.RESOURCE_EXHAUSTED, "message is too large")
    assert error.reason == ErrorReason.ERROR_REASON_UNSPECIFIED


def test_the_message_of_an_invalid_request_shows_the_first_problem() -> None:
    one = [FieldViolation("name", "is empty")]
    assert str(InvalidField(one)) == "name: is empty"
    assert (
        str(InvalidField([FieldViolation("", "a and b exclude each other"), *one]))
        == "a and b exclude each other, and 1 more"
    )
