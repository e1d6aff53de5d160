"""A profile is read with every problem at once, each where it is and in words that say what to do."""

from __future__ import annotations

import re

import pytest
from chartly import engine
from chartly.api.profile.v1.profile_pb2 import CsvOptions, Field, FileSource, Profile, Source
from chartly.api.run.v1.run_pb2 import Receipt
from google.protobuf.struct_pb2 import Value

GOOD = """\
profile_id: arrow-issues
description: Issues and pull requests of apache/arrow.
tags: [github, engineering]
schedule: {every: 15m}
source:
  http_rest:
    url: https://api.github.com/repos/apache/arrow/issues
    params: {state: all, per_page: 100}
    auth:
      bearer: ${GITHUB_TOKEN}
    pagination: {header_link: {}}
limits: {requests_per_minute: 60}
observed_at: {source: updated_at}
dims:
  number: {type: integer, required: true}
  state: {type: string, enum: [open, closed]}
  author: {type: string, source: user.login}
measures:
  comments: {type: integer, minimum: 0}
  rate: {type: decimal, scale: 2, default: 0.5, null_values: [NA, -999]}
primary_key: [number]
"""


def problems(text: str, **changes: str) -> list[engine.Problem]:
    with pytest.raises(engine.InvalidDocument) as refusal:
        engine.parse_profile(changed(text, changes).encode())
    return list(refusal.value.problems)


def changed(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def only(old: str, new: str) -> engine.Problem:
    assert old in GOOD
    [problem] = problems(GOOD.replace(old, new))
    return problem


def test_a_good_profile_is_its_message() -> None:
    profile = engine.parse_profile(GOOD.encode())
    assert profile.source.http_rest.pagination.WhichOneof("kind") == "header_link"
    assert profile.source.http_rest.params["per_page"].number_value == 100
    assert profile.dims["number"].required
    assert profile.measures["rate"].scale == 2
    assert [value.string_value for value in profile.dims["state"].enum] == ["open", "closed"]
    engine.check_profile(profile)


def test_json_and_yaml_are_one_profile() -> None:
    text = '{"profile_id": "p", "source": {"file": {"path": "x"}}, "dims": {"a": {"type": "string"}}}'
    assert engine.parse_profile(text.encode(), "json") == engine.parse_profile(text.encode())


def test_an_unknown_key_is_told_with_the_nearest_known() -> None:
    problem = only("    pagination:", "    paginaton:")
    assert str(problem) == '11:5 unknown key "paginaton"; did you mean "pagination"?'
    assert (problem.path, problem.reason) == ("source.http_rest.paginaton", "UNKNOWN_KEY")


def test_camel_case_is_told_as_snake_case() -> None:
    assert only("profile_id:", "profileId:").message == 'unknown key "profileId"; did you mean "profile_id"?'


def test_a_key_like_none_is_told_with_the_keys_there_are() -> None:
    assert only("{header_link: {}}", "{zzz: {}}").message == (
        'unknown key "zzz"; known here: single_page, header_link, page_number, offset'
    )


def test_two_members_of_a_oneof_exclude_each_other() -> None:
    problem = only("{header_link: {}}", "{header_link: {}, offset: {limit: 1}}")
    assert (problem.reason, problem.message) == ("ONE_OF", '"offset" and "header_link" exclude each other; keep one')
    assert only("{header_link: {}}", "{}").message == (
        "source.http_rest.pagination needs one of single_page, header_link, page_number, offset"
    )


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("15m", "15", "4:19", 'schedule.every takes a text, not an integer; in quotes it is one: "15"'),
        ("{every: 15m}", "daily", "4:11", "schedule takes keys and values, not a text"),
        ("[github, engineering]", "github", "3:7", "tags takes a list, not a text"),
        ("engineering]", "3]", "3:16", 'tags[1] takes a text, not an integer; in quotes it is one: "3"'),
        ("required: true", "required: yes", "15:38", "dims.number.required takes true or false, not a text"),
        ("minimum: 0", "minimum: low", "19:38", "measures.comments.minimum takes a number, not a text"),
        ("requests_per_minute: 60", "requests_per_minute: 1.5", "12:31", "not a number"),
        ("requests_per_minute: 60", "requests_per_minute: 9999999999", "12:31", "takes an integer of 32 bits"),
        ("per_page: 100", "per_page: 9007199254740993", "8:36", 'write it as text: "9007199254740993"'),
    ],
)
def test_wrong_types_are_told_where_they_stand(old: str, new: str, place: str, message: str) -> None:
    problem = only(old, new)
    line, column = place.split(":")
    assert (problem.line, message in problem.message) == (int(line), True), str(problem)
    assert abs(problem.column - int(column)) <= 1, str(problem)


@pytest.mark.parametrize(
    ("old", "new", "reason", "message"),
    [
        ("arrow-issues", "Arrow", "STRING_PATTERN", 'profile_id "Arrow" does not match'),
        ("profile_id: arrow-issues", "name: x", "REQUIRED", "profile_id is missing"),
        ("type: string, enum", "type: word, enum", "STRING_IN", 'dims.state.type "word" is none of string, integer'),
        ("scale: 2, ", "", "FIELD_SCALE", "measures.rate: scale is for type decimal, which needs it"),
        ("minimum: 0", "minimum: 3, maximum: 2", "FIELD_BOUNDS_ORDER", "minimum is above maximum"),
        ("primary_key: [number]", "primary_key: [nope]", "PROFILE_PRIMARY_KEY", "neither in dims nor in measures"),
        ("  comments:", "  Comments:", "FIELD_NAME", "measures.Comments: a field name is lower case"),
        ("  comments:", "  run_id:", "FIELD_RESERVED_NAME", "columns that every dataset has"),
        ("  comments:", "  state:", "PROFILE_UNIQUE_FIELDS", "a name can stand in dims or in measures"),
    ],
)
def test_rules_of_the_contract_are_told_in_words(old: str, new: str, reason: str, message: str) -> None:
    problem = only(old, new)
    assert problem.reason == reason
    assert message in problem.message


@pytest.mark.parametrize(
    ("old", "new", "reason", "message"),
    [
        ("source: updated_at", "time_zone: Mars/Olympus", "UNKNOWN_TIME_ZONE", '"Mars/Olympus" is no IANA time zone'),
        ("source: updated_at", "format: '%Y-%Q'", "INVALID_FORMAT", 'format "%Y-%Q" has %Q'),
        ("source: updated_at", "format: '%Y-%m-%d %I:%M'", "INVALID_FORMAT", "without AM or PM"),
        ("source: updated_at", "format: daily", "INVALID_FORMAT", "has no year"),
        ("source: updated_at", "source: a..b", "INVALID_PATH", "an empty part between its dots"),
        ("enum: [open, closed]", "pattern: '('", "INVALID_PATTERN", "pattern is no regular expression of RE2"),
        ("minimum: 0", "enum: [1, two]", "VALUE_UNFIT", 'measures.comments.enum[1]: "two" is not a number'),
        ("minimum: 0", "enum: [1, null]", "VALUE_UNFIT", "null is no value"),
        ("default: 0.5", "default: 0.505", "VALUE_UNFIT", "more than 2 digits after the point"),
        ("default: 0.5", "default: [1]", "VALUE_UNFIT", "takes a text, a number, true, false or null"),
        ("default: 0.5", "replace: {T: zero}", "VALUE_UNFIT", 'measures.rate.replace.T: "zero" is not a number'),
    ],
)
def test_what_no_rule_can_say_is_checked(old: str, new: str, reason: str, message: str) -> None:
    problem = only(old, new)
    assert problem.reason == reason
    assert message in problem.message


@pytest.mark.parametrize("delimiter", ["é", '"', "\n"])
def test_a_delimiter_can_stand_between_fields(delimiter: str) -> None:
    profile = Profile(profile_id="p", source=Source(file=FileSource(path="x", csv=CsvOptions(delimiter=delimiter))))
    profile.dims["a"].type = "string"
    with pytest.raises(engine.InvalidDocument, match="cannot stand between fields"):
        engine.check_profile(profile)


def test_all_problems_are_told_at_once_and_none_twice() -> None:
    text = changed(
        GOOD,
        {
            "arrow-issues": "Arrow",
            "pagination": "paginaton",
            "enum: [open, closed]": "enum: [open, closed], typ: x",
            "minimum: 0": "minimum: x",
            "[number]": "[nope]",
        },
    )
    found = problems(text)
    assert [(problem.line, problem.reason) for problem in found] == [
        (1, "PROFILE_PRIMARY_KEY"),
        (1, "STRING_PATTERN"),
        (11, "UNKNOWN_KEY"),
        (16, "UNKNOWN_KEY"),
        (19, "WRONG_TYPE"),
    ]


def test_a_misspelt_required_key_is_one_problem() -> None:
    assert [problem.reason for problem in problems(GOOD.replace("profile_id:", "profil_id:"))] == ["UNKNOWN_KEY"]
    assert [problem.reason for problem in problems(GOOD.replace("{type: integer, req", "{typ: integer, req"))] == [
        "UNKNOWN_KEY"
    ]


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "sk_live_0123456789abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl",
        "Bearer 0123456789abcdef0123456789abcdef",
    ],
)
@pytest.mark.parametrize("place", ["params: {state: all", "description: Issues", "bearer: ${GITHUB_TOKEN}"])
def test_a_secret_written_out_is_refused_and_not_repeated(place: str, secret: str) -> None:
    key = place.rpartition(" ")[0]
    problem = only(place, f"{key} {secret}")
    assert problem.reason == "SECRET_WRITTEN_OUT"
    assert secret not in problem.message


def test_a_header_for_credentials_takes_a_reference_only() -> None:
    header = "    headers: {X-Api-Key: %s}\n    auth:"
    assert only("    auth:", header % "0123456789abcdef0123").reason == "SECRET_WRITTEN_OUT"
    profile = engine.parse_profile(GOOD.replace("    auth:", header % '"${KEY}"').encode())
    assert profile.source.http_rest.headers["X-Api-Key"] == "${KEY}"


def test_references_stand_only_where_requests_are_made() -> None:
    assert only("user.login", '"${LOGIN}"').reason == "SECRET_MISPLACED"
    assert only("state: all", 'state: "${all}"').reason == "SECRET_MALFORMED"
    profile = engine.parse_profile(GOOD.replace("state: all", 'state: "a-${STATE}"').encode())
    assert engine.references(profile) == {
        "GITHUB_TOKEN": ("source.http_rest.auth.bearer",),
        "STATE": ("source.http_rest.params.state",),
    }


def test_a_profile_as_a_message_is_checked_alike() -> None:
    profile = Profile(
        profile_id="p", dims={"a": Field(type="number", time_zone="Mars/Olympus", default=Value(string_value="x"))}
    )
    with pytest.raises(engine.InvalidDocument) as refusal:
        engine.check_profile(profile)
    assert sorted(problem.reason for problem in refusal.value.problems) == [
        "FIELD_TIME",
        "REQUIRED",
        "UNKNOWN_TIME_ZONE",
        "VALUE_UNFIT",
    ]


def test_any_message_is_read_as_strictly() -> None:
    receipt = engine.parse_message(b'{"extracted": "9007199254740993", "warnings": {"a": 2}}', Receipt)
    assert (receipt.extracted, dict(receipt.warnings)) == (9007199254740993, {"a": 2})
    with pytest.raises(engine.InvalidDocument) as refusal:
        engine.parse_message(b'{"extracted": -1, "paging_end": "NEVER", "delivred": 2}', Receipt)
    assert [problem.reason for problem in refusal.value.problems] == ["INT64_GTE", "WRONG_TYPE", "UNKNOWN_KEY"]
    assert re.search("paging_end takes one of PAGING_END_UNSPECIFIED", refusal.value.problems[1].message)


def test_the_error_says_the_first_problem_and_how_many_there_are() -> None:
    with pytest.raises(engine.InvalidDocument, match=r"^1:1 declare at least one field.* \(and 3 more\)$") as refusal:
        engine.parse_profile(b"a: 1\n")
    assert refusal.value.metadata == {"problems": "4"}


def test_the_digest_is_of_what_is_said_and_not_of_how() -> None:
    one = engine.parse_profile(GOOD.encode())
    other = engine.parse_profile(GOOD.replace("[open, closed]", '["open", closed  ]').encode())
    assert engine.message_digest(one) == engine.message_digest(other)
    third = engine.parse_profile(GOOD.replace("closed]", "shut]").encode())
    assert engine.message_digest(one) != engine.message_digest(third)
    assert re.fullmatch("sha256:[0-9a-f]{64}", engine.message_digest(one))
