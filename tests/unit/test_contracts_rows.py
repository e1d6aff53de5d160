"""Rows as JSON Schema, data contract, Avro and proto; each says of a column what the profile says."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from chartly.contracts.documents import Kind, Source, export, read, schema_of_records
from chartly.contracts.errors import NotExportable
from chartly.contracts.odcs.document import compare_odcs, lint_odcs, read_odcs
from chartly.contracts.protos.files import compile_protos
from chartly.contracts.protos.rows import row_of_message
from chartly.contracts.rows.avro_export import avro
from chartly.contracts.rows.columns import Row, RowColumn, row_of_profile, row_of_schema, row_schema
from chartly.contracts.rows.exports import FORMATS, export_row
from chartly.contracts.rows.odcs_export import odcs
from chartly.contracts.rows.proto_export import number_of, proto
from chartly.contracts.schemas.changes import implies
from chartly.contracts.schemas.document import schema_of
from chartly.engine import InvalidDocument, parse_profile

PROFILE = parse_profile((Path(__file__).parents[1] / "lib/every_type.yaml").read_bytes())
ROW = row_of_profile(PROFILE)
#: A row of the profile's dataset, as records are read from Chartly.
RECORD: dict[str, Any] = {
    "observed_at": "2024-05-01T10:00:00Z",
    "kind": 1,
    "opened": "2024-05-01",
    "order_id": "AB12",
    "paid": True,
    "settled": None,
    "shop": "MI01",
    "amount": "12.50",
    "cents": "7",
    "items": 3,
    "weight": None,
}


def of_kinds(row: Row) -> list[tuple[Any, ...]]:
    """Return what every format keeps of the columns."""
    return [(each.name, each.type, each.required, each.scale, each.enum, dict_of(each)) for each in row.columns]


def dict_of(column: RowColumn) -> dict[str, Any]:
    return {keyword: (value, exclusive) for keyword, value, exclusive in column.limits} | {"pattern": column.pattern}


def test_a_row_has_observed_at_dims_and_measures_and_says_which_are_never_null() -> None:
    assert [column.name for column in ROW.columns] == list(RECORD)
    assert {column.name for column in ROW.columns if column.required} == {
        "observed_at",
        "order_id",
        "paid",
        "shop",
        "amount",
    }
    assert (ROW.version, ROW.owner, ROW.tags, ROW.key) == (
        "2.1.0",
        "finance-data",
        ("finance", "tills"),
        ("order_id", "shop"),
    )


@pytest.mark.parametrize(
    ("changes", "keyword"),
    [
        ({}, ""),
        ({"amount": "12.5"}, "pattern"),
        ({"amount": None}, "type"),
        ({"shop": "XX"}, "enum"),
        ({"items": 0}, "minimum"),
        ({"items": 5001}, "maximum"),
        ({"order_id": "ab12"}, "pattern"),
        ({"opened": "1 May"}, "format"),
        ({"other": 1}, "additionalProperties"),
    ],
)
def test_the_schema_of_a_row_takes_what_the_profile_delivers_and_no_other(
    changes: dict[str, Any], keyword: str
) -> None:
    errors = list(row_schema(PROFILE).validator().iter_errors(RECORD | changes))
    assert [error.kind.name for error in errors] == ([keyword] if keyword else [])


def test_a_pattern_that_only_re2_reads_is_left_out() -> None:
    text = (Path(__file__).parents[1] / "lib/every_type.yaml").read_text("utf-8")
    profile = parse_profile(text.replace('"^[A-Z]{2}[0-9]+$"', "'\\QA.B\\E'").encode())
    assert row_schema(profile).validator().is_valid(RECORD | {"order_id": "any"})


def test_a_row_comes_back_from_its_json_schema_and_its_data_contract() -> None:
    again = row_of_schema(row_schema(PROFILE), name=ROW.name, version=ROW.version)
    assert again.columns == ROW.columns
    contract = read_odcs(export_row(ROW, "odcs")[1])
    assert contract.row() == ROW
    assert contract.keys == {"shop_orders": ("order_id", "shop")}


def test_a_row_comes_back_from_its_proto_but_for_decimals_and_dates_which_are_texts() -> None:
    protos = compile_protos({"row.proto": proto(ROW).decode()})
    again = row_of_message(protos, "chartly.datasets.shop_orders.v2.ShopOrders", name="x", version="1.0.0")
    for old, new in zip(ROW.columns, again.columns, strict=True):
        if old.type in ("decimal", "date"):
            assert new.type == "string"
            assert new.pattern
        elif old.name != "kind":
            assert (new.type, new.required, new.enum, dict_of(new)) == (old.type, old.required, old.enum, dict_of(old))


def test_the_number_of_a_proto_field_follows_from_its_name_alone() -> None:
    lines = {line.split()[2]: line for line in proto(ROW).decode().splitlines() if line.startswith("  optional")}
    fewer = Row(ROW.name, ROW.columns[3:], ROW.version)
    assert all(line in lines.values() for line in proto(fewer).decode().splitlines() if line.startswith("  optional"))
    assert (number_of("amount"), number_of("shop")) == (434576171, 296878138)
    assert all(1 <= number_of(f"c{index}") < 2**29 and number_of(f"c{index}") // 1000 != 19 for index in range(2000))


@pytest.mark.parametrize("name", ["3f2a-order", "orders.eu", "注文", "a__b"])
def test_a_name_that_is_no_identifier_becomes_one(name: str) -> None:
    row = Row(name, (RowColumn("a", "string"),))
    assert compile_protos({"row.proto": proto(row).decode()}).own_files()
    assert fastavro.parse_schema(avro(row))
    assert read_odcs(export_row(row, "odcs")[1]).row() == row


@pytest.mark.parametrize(
    ("version", "package"), [("2.1.0", "v2"), ("v3", "v3"), ("0.1.0", "v1"), ("draft", "v1"), ("2024-01", "v2024")]
)
def test_the_package_of_a_proto_ends_in_the_major_version(version: str, package: str) -> None:
    (file,) = compile_protos({"row.proto": proto(Row("x", (RowColumn("a", "string"),), version)).decode()}).own_files()
    assert file.package == f"chartly.datasets.x.{package}"


def test_avro_writes_and_reads_a_row() -> None:
    schema = fastavro.parse_schema(avro(ROW))
    from datetime import UTC, date, datetime

    record = RECORD | {
        "observed_at": datetime(2024, 5, 1, 10, tzinfo=UTC),
        "opened": date(2024, 5, 1),
        "amount": Decimal("12.50"),
        "cents": Decimal(7),
    }
    file = BytesIO()
    fastavro.writer(file, schema, [record])
    file.seek(0)
    assert list(fastavro.reader(file)) == [record]


def test_a_data_contract_says_keys_units_and_enumerated_values() -> None:
    (table,) = odcs(ROW)["schema"]
    columns = {column["name"]: column for column in table["properties"]}
    assert (columns["order_id"]["primaryKeyPosition"], columns["shop"]["primaryKeyPosition"]) == (1, 2)
    assert columns["amount"]["physicalType"] == "decimal(38,2)"
    assert columns["amount"]["customProperties"] == [{"property": "unit", "value": "EUR"}]
    assert columns["kind"]["quality"][0]["arguments"] == {"validValues": [1, 2, 3]}
    assert columns["items"]["logicalTypeOptions"] == {"minimum": 1, "maximum": 5000}


@pytest.mark.parametrize("wanted", FORMATS)
def test_the_records_of_a_profile_meet_its_own_exports(wanted: str) -> None:
    kinds = {"proto": Kind.PROTO, "odcs": Kind.ODCS, "json_schema": Kind.JSON_SCHEMA}
    if wanted not in kinds:
        return
    name = {"proto": "a.proto", "odcs": "a.yaml", "json_schema": "a.json"}[wanted]
    row = Row(ROW.name, tuple(column for column in ROW.columns if column.type not in ("decimal", "date")))
    form = read(Source(kinds[wanted], {name: export_row(row, wanted)[1].decode()}))
    gaps = implies(schema_of(row.schema()), schema_of_records(form))
    assert [gap for gap in gaps if gap.path != "properties.kind.enum"] == []
    for other in FORMATS:
        assert export(form, other, name="again", version="1.0.0")[1]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "array"}, ""),
        ({"type": "object", "anyOf": [{}, {}]}, ""),
        ({"type": "object", "properties": {"a": {"type": "object"}}}, "properties.a"),
        ({"type": "object", "properties": {"a": {"type": ["string", "integer"]}}}, "properties.a"),
        ({"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, "properties.a"),
    ],
)
def test_what_is_no_row_is_not_exported(schema: Any, path: str) -> None:
    with pytest.raises(NotExportable) as caught:
        row_of_schema(schema_of(schema), name="x")
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("repeated string a = 1;", "a"),
        ("oneof x { string a = 1; }", "a"),
        ("M a = 1;", "a"),
        ('string a = 1 [(buf.validate.field).cel = {id: "i", message: "m", expression: "true"}];', "a"),
        ("int64 a = 1 [(buf.validate.field).int64 = {gt: 5, lt: 3}];", "a"),
    ],
)
def test_a_message_that_is_no_row_is_not_exported(field: str, path: str) -> None:
    text = f'syntax = "proto3"; package t; import "buf/validate/validate.proto"; message M {{ {field} }}'
    form = read(Source(Kind.PROTO, {"t.proto": text}))
    with pytest.raises(NotExportable) as caught:
        export(form, "avro", name="t", version="1.0.0")
    assert caught.value.path == path


def test_a_column_whose_name_a_format_has_not_is_not_exported() -> None:
    row = Row("x", (RowColumn("Order No", "string"),))
    for wanted in ("avro", "proto"):
        with pytest.raises(NotExportable, match="Order No"):
            export_row(row, wanted)


ODCS = """apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: string, primaryKey: true, primaryKeyPosition: 1}
      - {name: price, logicalType: number, required: true, logicalTypeOptions: {minimum: 0}}
      - {name: state, logicalType: string, quality: [{metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}]}
"""


def test_a_data_contract_becomes_a_schema_of_its_records() -> None:
    validator = read_odcs(ODCS.encode()).schema.validator()
    assert validator.is_valid({"id": "1", "price": 1.5, "state": None})
    assert validator.is_valid({"id": "1", "price": "1.50"})
    for wrong in (
        {"price": 1},
        {"id": "1", "price": -1},
        {"id": "1", "price": "x"},
        {"id": "1", "price": 1, "state": "c"},
    ):
        assert not validator.is_valid(wrong)


@pytest.mark.parametrize(
    ("before", "after", "reason", "line"),
    [
        ("v3.1.0", "v2.2.2", "UNKNOWN_DIALECT", 1),
        ("kind: DataContract", "kind: Table", "SCHEMA_INVALID", 2),
        ("logicalType: number", "logicalType: numbr", "SCHEMA_INVALID", 10),
        ("name: price", "name: id", "NAME_REPEATED", 10),
        ("{minimum: 0}", "{minimum: 0, no: 1}", "SCHEMA_INVALID", 10),
        (
            "logicalType: string, quality",
            "logicalType: string, logicalTypeOptions: {pattern: (?=a)}, quality",
            "PATTERN_REFUSED",
            11,
        ),
    ],
)
def test_what_is_wrong_with_a_data_contract_has_a_place(before: str, after: str, reason: str, line: int) -> None:
    assert before in ODCS
    with pytest.raises(InvalidDocument) as caught:
        read_odcs(ODCS.replace(before, after, 1).encode())
    assert (reason, line) in {(problem.reason, problem.line) for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("before", "after", "rule", "breaks"),
    [
        ("required: true, ", "", "TYPE_WIDENED", (False, True)),
        ("minimum: 0", "minimum: 1", "MINIMUM_NARROWED", (True, False)),
        ("[a, b]", "[a]", "ENUM_NARROWED", (True, False)),
        ("primaryKey: true, primaryKeyPosition: 1", "required: true", "PRIMARY_KEY_CHANGED", (True, True)),
    ],
)
def test_a_change_of_a_data_contract_has_a_meaning(
    before: str, after: str, rule: str, breaks: tuple[bool, bool]
) -> None:
    findings = compare_odcs(read_odcs(ODCS.encode()), read_odcs(ODCS.replace(before, after, 1).encode()))
    (finding,) = [each for each in findings if each.rule == rule]
    assert (finding.breaks_backward, finding.breaks_forward) == breaks


def test_a_new_column_of_a_data_contract_is_read_by_those_who_know_it() -> None:
    wider = ODCS + "      - {name: note, logicalType: string}\n"
    (finding,) = compare_odcs(read_odcs(ODCS.encode()), read_odcs(wider.encode()))
    assert (finding.rule, finding.breaks_backward, finding.breaks_forward) == ("PROPERTY_ADDED", False, True)


def test_lint_tells_what_could_be_better_in_a_data_contract() -> None:
    text = ODCS.replace("status: active", "status: retired").replace(
        "primaryKey: true, primaryKeyPosition: 1", "required: true"
    )
    text = text.replace("name: state, logicalType: string", "name: state, description: State")
    told = [(problem.line, problem.path, problem.reason) for problem in lint_odcs(read_odcs(text.encode()))]
    assert told == [
        (5, "status", "CONTRACT_DEPRECATED"),
        (7, "schema[0].name", "KEY_MISSING"),
        (9, "schema[0].properties[0].name", "DESCRIPTION_MISSING"),
        (10, "schema[0].properties[1].name", "DESCRIPTION_MISSING"),
        (11, "schema[0].properties[2].name", "TYPE_MISSING"),
    ]


def test_bounds_that_are_integers_are_written_as_such() -> None:
    assert json.loads(export_row(ROW, "json_schema")[1])["properties"]["items"] == {
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": 5000,
    }
