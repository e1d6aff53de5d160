"""JSON Schemas agree with protojson and protovalidate on generated and mutated messages.

`make test` tries some thousand cases of each kind; `.ci/schemas` tries more than 100 000.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from chartly.contracts.messages.schemas import Schemas
from chartly.tools.gen.image import Image, compile_protos
from schema_laws import patterns_of, rules_used, try_laws, without

ROOT = Path(__file__).parents[2]
OURS, EVERY_RULE = ROOT / "proto", Path(__file__).parent / "protos"


@pytest.fixture(scope="module")
def every_rule() -> Image:
    return compile_protos(EVERY_RULE)


@pytest.mark.parametrize(("protos", "cases_each"), [(OURS, 30), (EVERY_RULE, 40)], ids=["ours", "every rule"])
def test_schemas_agree_with_protojson_and_protovalidate(protos: Path, cases_each: int) -> None:
    image = compile_protos(protos)
    tally = try_laws(image, Schemas(image.commented).names, cases_each, seed=1)
    assert not tally.disagreements
    assert tally.valid > tally.cases / 5
    assert tally.accepted > tally.cases / 5


def test_the_reference_validator_agrees_too(every_rule: Image) -> None:
    names = Schemas(every_rule.commented).names
    tally = try_laws(every_rule, names, 4, seed=2, validator_of=_Reference)
    assert not tally.disagreements


class _Reference:
    """The `jsonschema` package. Its `$` lets a last line break pass, which no schema means, so it does not judge that."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._validator = jsonschema.Draft202012Validator(schema)
        self._exact = jsonschema_rs.validator_for(schema)

    def is_valid(self, instance: Any) -> bool:
        return (self._exact if _ends_a_line(instance) else self._validator).is_valid(instance)


def _ends_a_line(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_ends_a_line(part) for item in value.items() for part in item)
    return any(map(_ends_a_line, value)) if isinstance(value, list) else isinstance(value, str) and value.endswith("\n")


KEYWORDS = [
    *(
        "type",
        "pattern",
        "enum",
        "const",
        "not",
        "required",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
    ),
    *(
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "propertyNames",
    ),
    *("additionalProperties", "oneOf", "anyOf", "allOf", "items", "$ref"),
]


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_schema_that_lacks_a_keyword_is_noticed(every_rule: Image, keyword: str) -> None:
    names = [name for name, schema in _bundles(every_rule).items() if f'"{keyword}": ' in schema]
    assert any(try_laws(every_rule, [name], 40, seed=3, change=without(keyword)).disagreements for name in names)


@pytest.mark.parametrize(
    "change",
    [
        {"minLength": 1_000},
        {"maxLength": 0},
        {"minimum": 1_000_000},
        {"pattern": "^$"},
        {"uniqueItems": True},
        {"required": ["value"]},
        {"maxProperties": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_schema_that_asks_for_too_much_is_noticed(every_rule: Image, change: dict[str, Any]) -> None:
    names = [name for name in _bundles(every_rule) if name.endswith(("Plain", "Optional"))]

    def narrowed(schema: dict[str, Any]) -> dict[str, Any]:
        values = {name: {"allOf": [part, change]} for name, part in schema["properties"].items()}
        return {**schema, "properties": values, **(change if "required" in change else {})}

    assert try_laws(every_rule, names, 20, seed=4, change=narrowed).disagreements


def test_every_pattern_takes_linear_time(every_rule: Image) -> None:
    options = jsonschema_rs.RegexOptions()  # it refuses what needs backtracking
    for pattern in patterns_of(compile_protos(OURS)) | patterns_of(every_rule):
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)


def test_every_rule_that_protovalidate_knows_is_in_the_trial(every_rule: Image) -> None:
    known, used = rules_used(every_rule)
    assert len(used) > 150
    assert {name for name in known - used if not name.endswith(".example")} == set()


def _bundles(image: Image) -> dict[str, str]:
    schemas = Schemas(image.commented)
    return {name: json.dumps(schemas.bundle(name)) for name in schemas.names}
