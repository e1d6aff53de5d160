"""Reading JSON Schemas: what is refused, where, and why; what two of them say of each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chartly.contracts.report import Layer
from chartly.contracts.schemas.changes import compare_schemas, implies
from chartly.contracts.schemas.document import MAX_SIZE_BYTES, SchemaDocument, read_schema, schema_of
from chartly.contracts.schemas.lint import lint
from chartly.engine import InvalidDocument

TEXT, COUNT = {"type": "string"}, {"type": "integer"}


def read(value: Any, **references: SchemaDocument) -> SchemaDocument:
    return read_schema(json.dumps(value).encode(), references=references)


def reasons(value: Any) -> set[str]:
    with pytest.raises(InvalidDocument) as caught:
        read(value)
    return {problem.reason for problem in caught.value.problems}


def record(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False} | more


def chain(keyword: str, length: int, *, wrapped: bool = False) -> dict[str, Any]:
    """Return a schema that doubles with each line."""
    links: dict[str, Any] = {f"d{length}": TEXT}
    for index in range(length):
        doubled = {keyword: [{"$ref": f"#/$defs/d{index + 1}"}] * 2}
        links[f"d{index}"] = {"items": doubled} if wrapped else doubled
    return {"$defs": links, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    "dialect",
    [
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-07/schema",
    ],
)
def test_three_dialects_are_read(dialect: str) -> None:
    assert read({"$schema": dialect, "type": "string"}).validator().is_valid("a")


def test_an_unknown_dialect_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidDocument, match=r"http://json-schema.org/draft-04/schema# is no dialect|draft-04"):
        read({"$schema": "http://json-schema.org/draft-04/schema#"})
    assert reasons({"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}}) == {"UNKNOWN_DIALECT"}


def test_all_problems_are_told_with_their_places() -> None:
    text = b'{"properties": {\n  "a": {"type": "strin", "minimum": "x"},\n  "b": {"pattern": "(?=a)b"}},\n "required": "a"}'
    with pytest.raises(InvalidDocument) as caught:
        read_schema(text)
    found = [(problem.line, problem.column, problem.path, problem.reason) for problem in caught.value.problems]
    assert found == [
        (2, 9, "properties.a.type", "SCHEMA_INVALID"),
        (2, 26, "properties.a.minimum", "SCHEMA_INVALID"),
        (3, 9, "properties.b.pattern", "PATTERN_REFUSED"),
        (4, 2, "required", "SCHEMA_INVALID"),
    ]


def test_yaml_is_read_as_json_is() -> None:
    assert read_schema(b"type: object\nproperties:\n  a: {type: string}\n", "yaml").digest == (
        read({"properties": {"a": {"type": "string"}}, "type": "object"}).digest
    )


def test_no_two_schemas_may_have_one_id() -> None:
    other = read_schema(b'{"$id": "https://e.com/a", "type": "string"}')
    assert reasons({"$defs": {"a": {"$id": "b", "type": "null"}, "c": {"$id": "b"}}}) == {"ID_REPEATED"}
    with pytest.raises(InvalidDocument, match="another schema has"):
        read_schema(b'{"$id": "https://e.com/x/", "$defs": {"a": {"$id": "../a"}}}', references={"a": other})
    same = {"$id": "https://e.com/a", "type": "string"}
    assert read_schema(json.dumps({"$defs": {"a": same, "b": same}}).encode(), references={"a": other}).digest


def test_a_reference_that_leads_nowhere_is_refused_and_nothing_is_fetched() -> None:
    assert reasons({"$ref": "https://example.com/address"}) == {"REFERENCE_MISSING"}
    assert reasons({"properties": {"a": {"$ref": "#/$defs/no"}}}) == {"REFERENCE_MISSING"}


def test_a_reference_leads_to_the_contract_that_is_given_for_it() -> None:
    address = read({"$id": "https://example.com/address", "$defs": {"zip": {"type": "string", "maxLength": 5}}})
    order = read(
        {"properties": {"zip": {"$ref": "https://example.com/address#/$defs/zip"}}},
        **{"https://example.com/address": address},
    )
    validator = order.validator()
    assert validator.is_valid({"zip": "12345"})
    assert not validator.is_valid({"zip": "123456"})
    assert order.digest != read({"properties": {"zip": True}}).digest


def test_a_reference_of_another_dialect_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="draft-07"):
        read({"$ref": "old"}, old=read({"$schema": "http://json-schema.org/draft-07/schema#"}))


@pytest.mark.parametrize(
    "loop",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {
            "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}},
            "items": {"$ref": "#/$defs/a"},
        },
    ],
)
def test_references_that_loop_are_refused(loop: Any) -> None:
    assert reasons(loop) == {"REFERENCE_LOOP"}


def test_a_schema_of_a_tree_is_no_loop() -> None:
    tree = read(record({"left": {"$ref": "#"}, "right": {"$ref": "#"}}))
    assert tree.validator().is_valid({"left": {"right": {}}})


@pytest.mark.parametrize("keyword", ["anyOf", "allOf", "oneOf"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_branches_that_double_are_refused(keyword: str, wrapped: bool) -> None:
    assert reasons(chain(keyword, 40, wrapped=wrapped)) == {"SCHEMA_TOO_COSTLY"}


def test_a_long_chain_of_references_is_no_problem() -> None:
    links = {f"d{index}": {"$ref": f"#/$defs/d{index + 1}"} for index in range(500)} | {"d500": TEXT}
    assert not read({"$defs": links, "$ref": "#/$defs/d0"}).validator().is_valid(1)


def test_a_schema_of_ten_thousand_properties_is_read() -> None:
    assert read(record({f"field_{index}": TEXT for index in range(10_000)})).validator().is_valid({"field_9999": "a"})


def test_more_subschemas_than_are_read_are_refused() -> None:
    assert reasons({"properties": {f"f{index}": {} for index in range(50_000)}}) == {"SCHEMA_TOO_LARGE"}


def test_a_document_that_is_too_large_or_too_deep_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="at most 8388608 are read"):
        read_schema(b'"' + b"x" * MAX_SIZE_BYTES + b'"')
    with pytest.raises(InvalidDocument, match="more than 100 levels"):
        read_schema(b'{"not":' * 101 + b"{}" + b"}" * 101)


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(?<!a)b", "(a{1000}){1000}", "("])
def test_a_pattern_that_could_take_for_ever_is_refused(pattern: str) -> None:
    assert reasons({"pattern": pattern}) == {"PATTERN_REFUSED"}


def test_a_nested_quantifier_takes_linear_time() -> None:
    validator = read({"pattern": "^(a+)+$"}).validator()
    assert not validator.is_valid("a" * 100_000 + "b")


def test_the_digest_is_of_what_is_said_and_not_of_how_it_is_written() -> None:
    one = read_schema(b'{"type": "integer", "maximum": 10}')
    other = read_schema(b'{ "maximum": 1e1,\n"type": "integer" }')
    assert one.digest == other.digest
    assert one.digest != read({"type": "integer", "maximum": 11}).digest


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (
            '{"type": "object", "properties": {"a": {"type": "string", "maxLength": 100}}}',
            "sha256:3114ab64edbba2e6f025f6f5d1ded4f1e51d7743f47ad1c8d682dec908476daa",
        ),
        (
            '{"minimum": 1.5, "maximum": 1e+21, "title": "No. 1.5"}',
            "sha256:b698e795a53b83fdae56ab492ee59869d4cfb7d5a09e58845975836064325007",
        ),
        (
            '{"properties": {"\U0001f600": true, "\ufb33": false}}',
            "sha256:16abf76b2b7d7039c54f1004a75b32ad836e442aaddb466b8d595a914eff4ec0",
        ),
        ('{"maximum": 1152921504606846976}', "sha256:cc3eae90d576284148cc183c851051ad95b92428f2b5641e074c2c49b02b5f27"),
    ],
    ids=["plain", "fractions", "keys by UTF-16", "beyond 2^53"],
)
def test_digests_stay_what_they_were(text: str, digest: str) -> None:
    assert read_schema(text.encode()).digest == digest


def test_members_that_only_python_calls_equal_are_told_apart() -> None:
    one, other = (read(record({"a": {"const": value}})) for value in (1, True))
    assert [(finding.path, finding.breaks) for finding in compare_schemas(one, other)]


def test_a_number_that_rfc_8785_cannot_write_counts_as_it_is_written() -> None:
    one, other = (read_schema(f'{{"maximum": {number}}}'.encode()) for number in (2**63 - 1, 2**63 - 2))
    assert one.digest != other.digest


def test_names_are_compared_by_code_points_and_lint_tells_those_that_look_alike() -> None:
    composed, decomposed = "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"
    document = read(record({composed: TEXT, decomposed: COUNT, "Name": TEXT, "name": TEXT}))
    assert document.validator().is_valid({composed: "a", decomposed: 1})
    told = {(problem.path, problem.reason) for problem in lint(document) if problem.reason.startswith("NAME")}
    assert told == {
        (f"properties.{decomposed}", "NAME_COLLIDES"),
        (f"properties.{decomposed}", "NAME_NOT_NFC"),
        ("properties.name", "NAME_COLLIDES"),
    }


def test_lint_tells_what_could_be_better() -> None:
    told = {
        (problem.path, problem.reason)
        for problem in lint(read({"properties": {"a": {"typ": "string", "format": "zip"}}, "x-note": "kept"}))
    }
    assert told == {
        ("", "DIALECT_MISSING"),
        ("", "OBJECT_OPEN"),
        ("properties.a", "DESCRIPTION_MISSING"),
        ("properties.a.typ", "UNKNOWN_KEYWORD"),
        ("properties.a.format", "UNKNOWN_FORMAT"),
    }


B, F, BOTH, NONE = (True, False), (False, True), (True, True), (False, False)


@pytest.mark.parametrize(
    ("old", "new", "rule", "path", "breaks"),
    [
        (record({"a": TEXT}), record({"a": TEXT, "b": COUNT}), "PROPERTY_ADDED", "properties.b", F),
        (record({"a": TEXT, "b": COUNT}), record({"a": TEXT}), "PROPERTY_REMOVED", "properties.b", B),
        ({"properties": {}}, {"properties": {"a": TEXT}}, "PROPERTY_ADDED", "properties.a", B),
        ({"properties": {}}, {"properties": {"a": {}}}, "PROPERTY_ADDED", "properties.a", NONE),
        (record({"a": TEXT}), record({"a": TEXT}, required=["a"]), "REQUIRED_ADDED", "required.a", B),
        (COUNT, {"type": "number"}, "TYPE_WIDENED", "type", F),
        (TEXT, COUNT, "TYPE_CHANGED", "type", BOTH),
        ({"minimum": 1}, {"minimum": 0}, "MINIMUM_WIDENED", "minimum", F),
        ({"minimum": 1}, {"exclusiveMinimum": 1}, "MINIMUM_NARROWED", "minimum", B),
        ({"maxLength": 5}, {}, "MAX_LENGTH_REMOVED", "maxLength", F),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "ENUM_NARROWED", "enum", B),
        ({"enum": ["a"]}, {"enum": ["b"]}, "ENUM_CHANGED", "enum", BOTH),
        ({"pattern": "^a"}, {"pattern": "^b"}, "PATTERN_CHANGED", "pattern", BOTH),
        ({"format": "date"}, {}, "FORMAT_REMOVED", "format", F),
        ({"multipleOf": 2}, {"multipleOf": 4}, "MULTIPLE_OF_NARROWED", "multipleOf", B),
        ({"items": COUNT}, {"items": TEXT}, "TYPE_CHANGED", "items.type", BOTH),
        ({"anyOf": [TEXT, COUNT]}, {"anyOf": [COUNT]}, "ANY_OF_NARROWED", "anyOf", B),
        ({"oneOf": [TEXT, COUNT]}, {"oneOf": [TEXT, COUNT, {"type": "null"}]}, "ONE_OF_WIDENED", "oneOf", F),
        ({"not": TEXT}, {"not": {"type": ["string", "null"]}}, "NOT_NARROWED", "not", B),
        ({"if": TEXT, "then": {"minLength": 1}}, {"if": COUNT, "then": {"minimum": 1}}, "IF_CHANGED", "if", BOTH),
        ({"uniqueItems": True}, {}, "UNIQUE_ITEMS_REMOVED", "uniqueItems", F),
        ({"title": "a"}, {"title": "b"}, "DESCRIPTION_CHANGED", "title", NONE),
        (True, False, "SCHEMA_NARROWED", "", B),
        (
            {"allOf": [record({"a": TEXT})], "unevaluatedProperties": False},
            {"allOf": [record({"a": COUNT})], "unevaluatedProperties": False},
            "SCHEMA_INCOMPARABLE",
            "unevaluatedProperties",
            BOTH,
        ),
    ],
)
def test_a_change_has_a_rule_a_path_and_a_meaning(
    old: Any, new: Any, rule: str, path: str, breaks: tuple[bool, bool]
) -> None:
    found = {(each.rule, each.path): each for each in compare_schemas(read(old), read(new))}
    finding = found[rule, path]
    assert (finding.breaks_backward, finding.breaks_forward) == breaks
    assert bool(finding.advice) == any(breaks)
    assert finding.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"allOf": [TEXT, {"maxLength": 3}]}, {"type": "string", "maxLength": 3}),
        ({"type": ["string", "null"]}, {"anyOf": [TEXT, {"type": "null"}], "type": ["null", "string"]}),
        ({"$defs": {"a": TEXT}, "$ref": "#/$defs/a"}, {"$defs": {"b": TEXT}, "$ref": "#/$defs/b"}),
        ({"const": 1}, {"enum": [1.0]}),
        (
            {"properties": {"a": {"$ref": "#"}}},
            {"$defs": {"n": {"properties": {"a": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
        ),
    ],
)
def test_the_same_in_other_words_is_no_change(old: Any, new: Any) -> None:
    assert compare_schemas(read(old), read(new)) == ()


def test_a_change_deep_in_a_recursive_schema_is_told_once() -> None:
    old, new = (record({"next": {"$ref": "#"}, "value": kind}) for kind in (COUNT, TEXT))
    assert [finding.path for finding in compare_schemas(read(old), read(new))] == ["properties.value.type"]


def test_what_is_too_deep_to_compare_breaks_both_ways() -> None:
    def nested(leaf: Any) -> dict[str, Any]:
        links = {f"d{index}": record({"a": {"$ref": f"#/$defs/d{index + 1}"}}) for index in range(200)}
        return {"$defs": links | {"d200": leaf}, "$ref": "#/$defs/d0"}

    (finding,) = compare_schemas(read(nested(TEXT)), read(nested(COUNT)))
    assert (finding.rule, finding.breaks_backward, finding.breaks_forward) == ("SCHEMA_INCOMPARABLE", True, True)


def test_structure_is_of_the_layer_json_and_bounds_are_of_the_rules() -> None:
    old, new = record({"a": COUNT}), record({"a": {"type": "string", "maxLength": 3}, "b": TEXT})
    layers = {finding.rule: finding.layer for finding in compare_schemas(read(old), read(new))}
    assert layers["TYPE_CHANGED"] is layers["PROPERTY_ADDED"] is Layer.JSON
    assert {finding.layer for finding in compare_schemas(read({"minimum": 1}), read({"minimum": 2}))} == {Layer.RULES}


def test_implication_names_the_demands_that_do_not_follow() -> None:
    row = schema_of(record({"a": {"type": ["string", "null"]}, "b": COUNT}, required=["a", "b"]))
    contract = schema_of({"properties": {"a": TEXT, "b": {"type": "number"}}, "required": ["b"]})
    assert [(gap.keyword, gap.path) for gap in implies(row, contract)] == [("type", "properties.a.type")]
