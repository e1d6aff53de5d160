"""Whatever people write, reading a contract ends in a document or in problems with places, and never in another error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from chartly.contracts.odcs.document import read_odcs
from chartly.contracts.schemas.document import read_schema
from chartly.contracts.schemas.lint import lint
from chartly.engine import InvalidDocument, Problem
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/order",
    "type": "object",
    "properties": {
        "a": {"type": "string", "pattern": "^a"},
        "b": {"$ref": "#/$defs/b"},
        "c": {"items": {"minimum": 1}},
    },
    "$defs": {"b": {"anyOf": [{"const": 1}, {"enum": ["x"]}], "format": "date"}},
    "patternProperties": {"^x": {"multipleOf": 2}},
    "dependentRequired": {"a": ["b"]},
    "if": {"required": ["a"]},
    "then": {"not": {"maxProperties": 3}},
}
CONTRACT: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "orders",
    "version": "1.0.0",
    "status": "active",
    "team": {"name": "sales"},
    "schema": [
        {
            "name": "orders",
            "properties": [
                {"name": "id", "logicalType": "string", "primaryKey": True, "logicalTypeOptions": {"pattern": "^a"}},
                {
                    "name": "n",
                    "logicalType": "number",
                    "physicalType": "decimal(5,2)",
                    "logicalTypeOptions": {"minimum": 1},
                },
                {"name": "o", "logicalType": "object", "properties": [{"name": "x", "logicalType": "array"}]},
                {"name": "l", "logicalType": "array", "items": {"logicalType": "integer"}},
                {"name": "e", "quality": [{"metric": "invalidValues", "arguments": {"validValues": [1]}, "mustBe": 0}]},
            ],
        }
    ],
}
ANY = st.recursive(
    st.sampled_from(
        [None, True, 0, -1, 1.5, "", "a", "#", "#/$defs/b", "(", "string", "object", "http://json-schema.org/schema"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "type", "$ref", "properties", "items", "name", "$id", "enum"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def test_the_documents_themselves_are_read() -> None:
    assert read_schema(json.dumps(SCHEMA).encode()).digest
    assert read_odcs(json.dumps(CONTRACT).encode(), "json").value["id"] == CONTRACT["id"]


def places(value: Any, steps: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [steps, *(place for key, inner in pairs for place in places(inner, (*steps, key)))]


def changed(document: Any, steps: tuple[Any, ...], value: Any) -> Any:
    if not steps:
        return value
    copy = deepcopy(document)
    at = copy
    for step in steps[:-1]:
        at = at[step]
    at[steps[-1]] = value
    return copy


def check_places(problems: Sequence[Problem], text: str) -> None:
    assert problems
    assert all(1 <= problem.line <= text.count("\n") + 1 and problem.reason and problem.message for problem in problems)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(places(SCHEMA)), ANY)
def test_a_json_schema(steps: tuple[Any, ...], value: Any) -> None:
    text = json.dumps(changed(SCHEMA, steps, value), indent=1)
    try:
        document = read_schema(text.encode())
    except InvalidDocument as error:
        check_places(error.problems, text)
    else:
        document.validator().is_valid({"a": "a", "b": 1, "c": [1]})
        assert lint(document) == lint(document)
        assert document.digest.startswith("sha256:")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(places(CONTRACT)), ANY)
def test_a_data_contract(steps: tuple[Any, ...], value: Any) -> None:
    text = json.dumps(changed(CONTRACT, steps, value), indent=1)
    try:
        contract = read_odcs(text.encode(), "json")
    except InvalidDocument as error:
        check_places(error.problems, text)
    else:
        contract.schema.validator().is_valid({"id": "a"})
        assert contract.digest.startswith("sha256:")
