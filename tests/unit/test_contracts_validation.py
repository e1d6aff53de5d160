"""Data against contracts: every error with its place, from documents, streams and the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chartly.cli.exits import Exit
from chartly.cli.main import cli
from chartly.contracts.checks.checkers import checker_of, checker_of_message
from chartly.contracts.checks.validation import CHUNK_RECORDS, MAX_LINE_BYTES, Checker
from chartly.contracts.documents import Kind, Source, read
from chartly.contracts.schemas.document import schema_of
from click.testing import CliRunner, Result

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "s": {"$ref": "#/$defs/short"}},
    "$defs": {"short": {"type": "string", "maxLength": 3}},
    "required": ["a"],
    "additionalProperties": False,
}
CHECKER = Checker(schema_of(SCHEMA))
MESSAGE = """syntax = "proto3"; package t.v1; import "buf/validate/validate.proto";
message M {
  string a = 1 [(buf.validate.field).cel = {id: "no_x", message: "has no x", expression: "!this.contains('x')"}];
  repeated M kids = 2;
  int64 n = 3 [(buf.validate.field).int64.gt = 3];
}"""


def told(problems: Iterator[Any] | list[Any]) -> list[tuple[int, int, str, str]]:
    return [(problem.line, problem.column, problem.path, problem.reason) for problem in problems]


def lines(data: bytes) -> list[tuple[int, int, str, str]]:
    return [each for _, problems in CHECKER.line_problems(io.BytesIO(data)) for each in told(problems)]


def test_every_error_of_a_document_has_its_place() -> None:
    assert told(CHECKER.document_problems(b'{\n "a": 1.5,\n "x": 1,\n "s": "abcd"}')) == [
        (2, 2, "a", "type"),
        (3, 2, "x", "additionalProperties"),
        (4, 2, "s", "maxLength"),
    ]
    assert told(CHECKER.document_problems(b"s: abcd\na: x\n", "yaml")) == [
        (1, 1, "s", "maxLength"),
        (2, 1, "a", "type"),
    ]


def test_every_error_of_a_stream_has_its_place() -> None:
    data = (
        b'{"a": 1}\n{"a": "x", "s": "\xc3\xbcaaaa"}\n\n{"a": 1, "a": 2}\n{"a": NaN}\n{"a": 1e999}\n'
        b'{"a": 1, "s": "\\ud800"}\n{"a": 1, "s": "\\ud83d\\ude00"}\nfoo\n{"a": 1}, {"a": 2}\n\xff\n{"s": "x"}'
    )
    assert lines(data) == [
        (2, 2, "a", "type"),
        (2, 12, "s", "maxLength"),
        (4, 10, "a", "DUPLICATE_KEY"),
        (5, 7, "", "SYNTAX_ERROR"),
        (6, 7, "", "NUMBER_REFUSED"),
        (7, 15, "", "SYNTAX_ERROR"),
        (9, 1, "", "SYNTAX_ERROR"),
        (10, 9, "", "SYNTAX_ERROR"),
        (11, 1, "", "INVALID_UTF8"),
        (12, 1, "", "required"),
    ]


def test_lines_that_are_no_values_alone_do_not_become_one_together() -> None:
    assert [line for line, *_ in lines(b'{"a": 1\n, "s": "x"}\n{"a": 3}, {"a": 4}\n')] == [1, 2, 3]


def test_a_stream_is_read_by_the_chunk_and_counted() -> None:
    count = CHUNK_RECORDS + 10
    data = b'{"a": 1}\n' * count + b'{"a": "x"}\n'
    found = list(CHECKER.line_problems(io.BytesIO(data)))
    assert [records for records, _ in found] == [CHUNK_RECORDS, 11]
    assert told(found[1][1]) == [(count + 1, 2, "a", "type")]


def test_a_stream_does_not_take_memory_for_all_of_it() -> None:
    class Endless(io.RawIOBase):
        read_lines = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.read_lines += 1
            return b'{"a": 1}\n'

    source = Endless()
    for number, (records, problems) in enumerate(CHECKER.line_problems(source), start=1):  # type: ignore[arg-type]
        assert (records, problems) == (CHUNK_RECORDS, [])
        if number == 5:
            break
    assert source.read_lines == 5 * CHUNK_RECORDS


def test_a_line_without_an_end_ends_the_stream() -> None:
    data = b'{"a": 1}\n"' + b"x" * (2 * MAX_LINE_BYTES)
    assert lines(data) == [(2, 1, "", "LINE_TOO_LONG")]


def test_records_that_do_not_fit_are_found_among_many() -> None:
    records = [{"a": index} for index in range(5000)]
    records[17], records[4999] = {"a": 1.5}, {}  # type: ignore[dict-item]
    assert CHECKER.misfits(records) == [17, 4999]


@pytest.mark.parametrize("identifier", [None, "https://example.com/record"])
def test_references_lead_to_the_same_in_a_list_as_alone(identifier: str | None) -> None:
    named = SCHEMA | ({"$id": identifier} if identifier else {})
    assert Checker(schema_of(named)).misfits([{"a": 1, "s": "abcd"}, {"a": 1, "s": "abc"}]) == [0]


def test_the_rules_that_a_schema_cannot_say_are_asked_too() -> None:
    checker = checker_of(read(Source(Kind.PROTO, {"m.proto": MESSAGE})))
    assert told(checker.document_problems(b'{"a": "o", "n": "4",\n "kids": [{"a": "xx", "n": 5}]}')) == [
        (2, 12, "kids[0].a", "no_x")
    ]
    assert checker.misfits([{"a": "o", "n": "4"}, {"a": "x", "n": "4"}, {"n": "3"}]) == [1, 2]


def test_messages_of_chartly_are_contracts() -> None:
    checker = checker_of_message("chartly.api.profile.v1.Profile")
    assert checker is not None
    demo = Path(__file__).parents[2] / "services/chartly/cli/demo/nyc-flights.yaml"
    assert checker.document_problems(demo.read_bytes(), "yaml") == []
    assert checker_of_message("chartly.api.profile.v1.Nothing") is None
    assert checker_of_message("chartly.api.nothing.v1.Profile") is None


def validate(tmp_path: Path, *arguments: str, stdin: bytes = b"") -> Result:
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    contract = ("--contract", str(tmp_path / "schema.json"))
    return CliRunner().invoke(cli, ["contract", "validate", *contract, *arguments], input=stdin)


def test_the_command_prints_each_error_with_its_place(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.yaml"
    good.write_text('{"a": 1}')
    bad.write_text("a: 1\ns: abcd\n")
    result = validate(tmp_path, str(good), str(bad))
    assert result.exit_code == Exit.INVALID
    assert result.stderr.splitlines() == [
        f'{bad}:2:1 s: "abcd" is longer than 3 characters (maxLength)',
        "2 records, 1 error",
    ]
    assert validate(tmp_path, str(good)).output == "1 record, no error\n"


def test_the_command_reads_a_stream_and_stops_printing_where_it_should(tmp_path: Path) -> None:
    result = validate(tmp_path, "-", "--max-errors", "1", "--output", "json", stdin=b'{"a": 1}\n{}\n{}\n')
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {
            "file": "<stdin>",
            "line": 2,
            "column": 1,
            "path": "",
            "rule": "required",
            "message": '"a" is a required property',
        },
        {"records": 3, "errors": 2},
    ]
    assert result.exit_code == Exit.INVALID


def test_the_command_says_what_is_wrong_with_the_contract(tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text('{"type": "strin"}')
    (tmp_path / "none.proto").write_text('syntax = "proto3";')
    for name, words in (("wrong.json", ":1:2 "), ("none.proto", "no message"), ("missing.json", "is not there")):
        result = CliRunner().invoke(cli, ["contract", "validate", "-", "--contract", str(tmp_path / name)])
        assert result.exit_code == Exit.INVALID
        assert words in result.stderr
        assert "Nothing was checked." in result.stderr
