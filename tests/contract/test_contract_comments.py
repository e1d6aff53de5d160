"""A method's comment names only errors that there are, each under its code; read from the pages of `make gen`."""

import re
from pathlib import Path

import grpc
import pytest
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from google.protobuf.descriptor_pb2 import FileDescriptorSet

PAGES = Path(__file__).parents[2] / "gen" / "docs"
REASON_ROW = re.compile(r"^\| `ERROR_REASON_(\w+)` \| `?([^|`]+)`? \|", re.MULTILINE)
METHOD_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.MULTILINE)
CODES = dict(REASON_ROW.findall(PAGES.joinpath("errors.md").read_text()))
METHODS = METHOD_ROW.findall(PAGES.joinpath("methods.md").read_text())
OF_A_RUN = "of a run, not of a call"


def test_every_reason_is_on_the_page_with_a_code_of_grpc() -> None:
    assert {f"ERROR_REASON_{name}" for name in CODES} == set(ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}
    assert set(CODES.values()) <= {code.name for code in grpc.StatusCode} | {OF_A_RUN}


@pytest.mark.parametrize(("method", "comment"), METHODS, ids=[method for method, _ in METHODS])
def test_comment_says_whether_to_retry_and_names_reasons_under_their_code(method: str, comment: str) -> None:
    assert "retry" in comment, method
    for code, reasons in re.findall(r"\b([A-Z_]{5,}) \(([A-Z_, ]+)\)", comment):
        for reason in reasons.split(", "):
            assert CODES.get(reason) in {code, OF_A_RUN}, f"{code} ({reason})"


def test_a_method_says_why_it_answers_an_http_body_exactly_when_it_does() -> None:
    descriptors = FileDescriptorSet.FromString(PAGES.with_name("descriptors").joinpath("chartly.binpb").read_bytes())
    methods = [method for file in descriptors.file for service in file.service for method in service.method]
    answer_bodies = {method.name for method in methods if method.output_type == ".google.api.HttpBody"}
    assert {method for method, comment in METHODS if "google.api.HttpBody because" in comment} == answer_bodies
    assert answer_bodies
