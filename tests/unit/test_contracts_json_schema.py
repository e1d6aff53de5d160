"""JSON Schemas of messages: what each part looks like, and the parts that patterns are made of."""

import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from chartly.contracts import compile_protos
from chartly.contracts.errors import NotExportable
from chartly.contracts.messages.rules_numbers import integers_between, shortest
from chartly.contracts.messages.rules_patterns import portable
from chartly.contracts.messages.schemas import Schemas
from docs_pages import blocks, read
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
INTEGERS = st.integers(-(2**64), 2**64) | st.integers(-120, 120)


def schemas(text: str) -> Schemas:
    text = f'syntax = "proto3"; package shop.v1; import "buf/validate/validate.proto"; {text}'
    return Schemas(compile_protos({"shop.proto": text}).with_imports().SerializeToString())


@given(INTEGERS | st.none(), INTEGERS | st.none(), INTEGERS)
def test_a_range_has_the_decimals_of_its_integers_and_no_others(
    lower: int | None, upper: int | None, value: int
) -> None:
    is_within = (lower is None or lower <= value) and (upper is None or value <= upper)
    assert bool(re.fullmatch(integers_between(lower, upper), str(value))) == is_within


@given(st.integers(-(10**6), 10**6), st.integers(0, 50))
def test_the_ends_of_a_range_are_exact(lower: int, width: int) -> None:
    pattern = re.compile(integers_between(lower, lower + width))
    found = [value for value in range(lower - 60, lower + width + 61) if pattern.fullmatch(str(value))]
    assert found == list(range(lower, lower + width + 1))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shortest_decimal_is_that_float(value: float) -> None:
    import struct

    assert struct.pack("<f", shortest(value)) == struct.pack("<f", value) or value == 0


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^[a-z]+$", r"^[a-z]+$"),
        (r"\A\d+\z", r"^[0-9]+$"),
        (r"a.b", r"a[^\n]b"),
        (r"[\w.-]", r"[0-9A-Za-z_.-]"),
        (r"[[:digit:]x]", r"[0-9x]"),
        (r"\Qa.b\E+", r"a\.b+"),
        (r"\x{1F600}\x41", "\U0001f600A"),
        (r"(?P<year>\d{4})", r"(?:[0-9]{4})"),
        (r"(?i)a", None),
        (r"\pL", None),
        (r"\bword\b", None),
        (r"[[:^alpha:]]", None),
        (r"[\D]", None),
    ],
)
def test_a_pattern_is_said_in_portable_words_or_not_at_all(pattern: str, expected: str | None) -> None:
    assert portable(pattern) == expected


def test_a_message_that_contains_itself_refers_to_the_document() -> None:
    bundle = schemas("message Tree { repeated Tree branches = 1; }").bundle("shop.v1.Tree")
    assert bundle["properties"]["branches"]["items"] == {"$ref": "#"}
    assert jsonschema_rs.is_valid(bundle, {"branches": [{"branches": []}, {}]})
    assert not jsonschema_rs.is_valid(bundle, {"branches": [{"branches": 1}]})


def test_what_json_schema_cannot_say_is_noted_where_it_belongs() -> None:
    order = schemas(
        """message Order {
          option (buf.validate.message).cel = {id: "paid", message: "pay first", expression: "this.paid"};
          string note = 1 [(buf.validate.field).string.max_bytes = 9];
          bool paid = 2;
        }"""
    ).definition("shop.v1.Order")
    assert order["x-protovalidate"] == [{"id": "paid", "message": "pay first", "expression": "this.paid"}]
    assert order["properties"]["note"]["x-protovalidate"] == [{"rule": "string.max_bytes", "value": 9}]


def test_a_field_whose_zero_breaks_its_rules_has_to_be_there() -> None:
    definition = schemas(
        """message Order {
          string id = 1 [(buf.validate.field).string.min_len = 1];
          int64 count = 2 [(buf.validate.field).int64 = {gte: 0, lte: 5}];
          int64 rank = 3 [(buf.validate.field).int64.gte = 1];
          optional int64 size = 4 [(buf.validate.field).int64.gte = 1];
        }"""
    ).definition("shop.v1.Order")
    assert definition["required"] == ["id", "rank"]


def test_references_can_lead_elsewhere() -> None:
    text = 'syntax = "proto3"; package shop.v1; message Order { Item item = 1; } message Item { int64 size = 1; }'
    descriptors = compile_protos({"shop.proto": text}).with_imports().SerializeToString()
    elsewhere = Schemas(descriptors, ref="#/components/schemas/")
    order = elsewhere.definition("shop.v1.Order")
    assert order["properties"]["item"] == {"$ref": "#/components/schemas/shop.v1.Item"}
    assert elsewhere.needed(order) == ["int64", "shop.v1.Item"]


def test_a_name_that_no_message_has_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        schemas("message Order {}").bundle("shop.v1.Invoice")


def test_four_thousand_fields_are_no_trouble_and_more_than_the_runtime_holds_says_so() -> None:
    def wide(count: int) -> str:
        fields = "".join(
            f"string f{number} = {number} [(buf.validate.field).string.min_len = 1];" for number in range(1, count)
        )
        return f"message Wide {{ {fields} }}"

    assert len(schemas(wide(4000)).bundle("shop.v1.Wide")["required"]) == 3999
    with pytest.raises(NotExportable, match=r"^shop\.proto"):
        schemas(wide(10_000))


def test_a_oneof_of_a_thousand_members_is_checked_in_time() -> None:
    members = "".join(f"int32 g{number} = {number};" for number in range(1, 1001))
    validator = jsonschema_rs.validator_for(
        schemas(f"message Many {{ oneof kind {{ {members} }} }}").bundle("shop.v1.Many")
    )
    assert validator.is_valid({"g7": 1})
    assert not validator.is_valid({"g7": 1, "g900": 1})


PROFILES = [path.read_text() for path in sorted((ROOT / "services/chartly/cli/demo").glob("*.yaml"))] + [
    block.text for block in blocks(read("docs/PROFILES.md"), "yaml") if block.text.startswith("profile_id:")
]


@pytest.mark.parametrize("text", PROFILES, ids=lambda text: text.split("\n")[0])
def test_a_profile_as_people_write_it_fits_the_schema_that_editors_use(text: str) -> None:
    schema = (ROOT / "contracts" / "chartly.api.profile.v1.Profile.schema.json").read_text()
    validator = jsonschema_rs.validator_for(schema)
    profile = yaml.safe_load(text)
    assert [error.message for error in validator.iter_errors(profile)] == []
    assert not validator.is_valid(profile | {"sauce": {}})
