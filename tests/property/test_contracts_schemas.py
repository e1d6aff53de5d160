"""What is said of a change of a JSON Schema holds for values, as other validators judge them."""

from __future__ import annotations

from typing import Any

import jsonschema
from chartly.contracts.schemas.changes import compare_schemas
from chartly.contracts.schemas.document import SchemaDocument, schema_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

SCALARS: list[Any] = [None, True, False, 0, 1, 2, -1, 1.5, 2.0, "", "a", "ab", "b"]
NAMES = st.sampled_from(["a", "b", "ab"])
SIZES = st.integers(0, 3)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])

VALUES = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


def keywords(inner: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    branches, members = st.lists(inner, min_size=1, max_size=3), st.dictionaries(NAMES, inner, max_size=3)
    names = st.lists(NAMES, max_size=2, unique=True)
    return {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(st.sampled_from(SCALARS), min_size=1, max_size=3),
        "const": st.sampled_from(SCALARS),
        "minimum": st.integers(-1, 2),
        "maximum": st.integers(-1, 2),
        "exclusiveMinimum": st.integers(-1, 2),
        "exclusiveMaximum": st.integers(-1, 2),
        "multipleOf": st.sampled_from([1, 2, 3]),
        "minLength": SIZES,
        "maxLength": SIZES,
        "pattern": st.sampled_from(["^a", "b$", "^$"]),
        "minItems": SIZES,
        "maxItems": SIZES,
        "uniqueItems": st.booleans(),
        "items": inner,
        "prefixItems": branches,
        "contains": inner,
        "minContains": SIZES,
        "maxContains": SIZES,
        "properties": members,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "minProperties": SIZES,
        "maxProperties": SIZES,
        "required": names,
        "dependentRequired": st.dictionaries(NAMES, names, max_size=2),
        "dependentSchemas": members,
        "unevaluatedProperties": inner,
        "unevaluatedItems": inner,
        "allOf": branches,
        "anyOf": branches,
        "oneOf": branches,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two"]),
    }


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    known = keywords(inner)
    chosen = draw(st.lists(st.sampled_from(sorted(known)), max_size=4, unique=True))
    return {name: draw(known[name]) for name in chosen}


SCHEMAS = st.recursive(
    st.booleans() | st.just({}) | st.builds(lambda kind: {"type": kind}, TYPES), objects, max_leaves=6
)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    root = draw(objects(SCHEMAS))
    return {**root, "$defs": {"one": draw(SCHEMAS), "two": draw(SCHEMAS)}}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Return two schemas, most often one and the other changed at a place."""
    old = draw(documents())
    if draw(st.booleans()):
        return old, draw(documents())
    new = dict(old)
    for name in draw(st.lists(st.sampled_from(sorted(keywords(SCHEMAS))), min_size=1, max_size=2)):
        if name in new and draw(st.booleans()):
            del new[name]
        else:
            new[name] = draw(keywords(SCHEMAS)[name])
    return old, new


def read(value: Any) -> SchemaDocument:
    from chartly.engine import InvalidDocument

    try:
        return schema_of(value)
    except InvalidDocument as error:
        assume({problem.reason for problem in error.problems} != {"REFERENCE_LOOP"})
        raise


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(pairs(), st.lists(VALUES, min_size=20, max_size=30))
def test_a_value_that_the_new_schema_refuses_breaks_backward_and_so_the_other_way(
    pair: tuple[Any, Any], values: list[Any]
) -> None:
    old, new = map(read, pair)
    check_findings(old, new, jsonschema.Draft202012Validator, values)


def check_findings(old: SchemaDocument, new: SchemaDocument, judge: Any, values: list[Any]) -> None:
    """Fail where one schema takes a value, the other does not, and no finding says so."""
    findings = compare_schemas(old, new)
    oracles = [judge(document.value) for document in (old, new)]
    for value in [*SCALARS, *values]:
        was, now = (oracle.is_valid(value) for oracle in oracles)
        if was and not now:
            assert any(finding.breaks_backward for finding in findings), (value, findings)
        if now and not was:
            assert any(finding.breaks_forward for finding in findings), (value, findings)


def as_draft_7(schema: Any) -> Any:
    """Return a schema in the words of draft 7; what it has no words for is left out."""
    if isinstance(schema, list):
        return [as_draft_7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: as_draft_7(value) for name, value in schema.items() if name not in LATER}
    if "prefixItems" in schema:
        told |= {"items": as_draft_7(schema["prefixItems"])}
        told |= {"additionalItems": as_draft_7(schema["items"])} if "items" in schema else {}
    dependencies = {**schema.get("dependentRequired", {}), **schema.get("dependentSchemas", {})}
    return told | ({"dependencies": as_draft_7(dependencies)} if dependencies else {})


LATER = (
    "prefixItems",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "minContains",
    "maxContains",
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(pairs(), st.lists(VALUES, min_size=20, max_size=30))
def test_it_holds_in_draft_7_too(pair: tuple[Any, Any], values: list[Any]) -> None:
    dialect = {"$schema": "http://json-schema.org/draft-07/schema#"}
    old, new = (read(dialect | as_draft_7(each)) for each in pair)
    check_findings(old, new, jsonschema.Draft7Validator, values)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(documents(), st.lists(VALUES, min_size=10, max_size=20))
def test_the_validator_judges_as_another_one_does(schema: Any, values: list[Any]) -> None:
    validator, oracle = read(schema).validator(), jsonschema.Draft202012Validator(schema)
    for value in [*SCALARS, *values]:
        assert validator.is_valid(value) == oracle.is_valid(value), value


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(documents())
def test_nothing_breaks_between_a_schema_and_itself(schema: Any) -> None:
    from copy import deepcopy

    dynamic = {"unevaluatedProperties", "unevaluatedItems"}
    findings = compare_schemas(read(schema), read(deepcopy(schema)))
    assert not findings or dynamic & set(str(schema).split("'")), findings
