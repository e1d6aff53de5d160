"""The output contract says what the records of a dataset are, for Arrow and for JSON."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from chartly import engine
from chartly.engine.mapper import Mapper
from chartly.engine.reading import json_value

TEXT = b"""
profile_id: orders
source: {file: {path: x}}
observed_at: {source: time}
dims:
  shop: {type: string, enum: [MI01, RM01], description: Where it was sold.}
  order_id: {type: integer, required: true}
  paid: {type: boolean}
measures:
  amount: {type: decimal, scale: 2, unit: EUR}
  items: {type: integer, minimum: 1, default: 1}
  weight: {type: number, maximum: 1e3, severity: warn, required: true}
  shipped: {type: date}
  returned: {type: timestamp}
"""
RECORDS = [
    {
        "time": "2013-01-01T05:00:00.5Z",
        "shop": "MI01",
        "order_id": 2**62,
        "amount": 1.5,
        "weight": 2,
        "shipped": "2013-01-02",
    },
    {"time": "2013-01-01T05:00:00Z", "order_id": 1, "items": 3, "paid": True, "returned": "2013-01-03T05:00:00Z"},
]


@pytest.fixture
def plan() -> engine.Plan:
    return engine.compile_profile(engine.parse_profile(TEXT))


def test_columns_are_dims_by_name_then_measures_by_name(plan: engine.Plan) -> None:
    assert plan.schema.names == [
        *("record_id", "run_id", "observed_at"),
        *("order_id", "paid", "shop"),
        *("amount", "items", "returned", "shipped", "weight"),
    ]
    assert [str(field.type) for field in plan.schema] == [
        *("string", "string", "timestamp[us, tz=UTC]"),
        *("int64", "bool", "string"),
        *("decimal128(38, 2)", "int64", "timestamp[us, tz=UTC]", "date32[day]", "double"),
    ]


def test_a_column_says_what_it_is(plan: engine.Plan) -> None:
    assert plan.schema.field("amount").metadata == {b"kind": b"measure", b"unit": b"EUR", b"description": b""}
    assert plan.schema.field("shop").metadata == {b"kind": b"dim", b"unit": b"", b"description": b"Where it was sold."}
    assert plan.schema.field("record_id").metadata[b"kind"] == b"system"


def test_the_json_schema_takes_every_record_of_the_mapper(plan: engine.Plan) -> None:
    validator = jsonschema.Draft202012Validator(plan.json_schema)
    validator.check_schema(plan.json_schema)
    with Mapper(plan, check_fields=False) as mapper:
        mapped = mapper.map([engine.Page(1, "\n".join(map(json.dumps, RECORDS)).encode(), "ndjson")])
    assert mapped.accepted.num_rows == 2
    for row in mapped.accepted.to_pylist():
        validator.validate(nested(plan, row))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("dims", "shop"), "XX01"),
        (("dims", "order_id"), None),
        (("dims", "order_id"), 1.5),
        (("measures", "amount"), "1.5"),
        (("measures", "items"), 0),
        (("measures", "weight"), 1001),
        (("measures", "shipped"), "2013-1-2"),
        (("observed_at",), "2013-01-01T05:00:00+00:00"),
        (("more",), 1),
    ],
)
def test_the_json_schema_refuses_what_no_record_can_be(plan: engine.Plan, path: tuple[str, ...], value: object) -> None:
    with Mapper(plan, check_fields=False) as mapper:
        mapped = mapper.map([engine.Page(1, json.dumps(RECORDS[0]).encode(), "ndjson")])
    record = nested(plan, mapped.accepted.to_pylist()[0])
    *parents, last = path
    target = record
    for step in parents:
        target = target[step]
    target[last] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, plan.json_schema, jsonschema.Draft202012Validator)


def nested(plan: engine.Plan, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "record_id": row["record_id"],
        "run_id": "r-1",
        "observed_at": json_value(row["observed_at"]),
        "dims": {column.name: json_value(row[column.name]) for column in plan.dims},
        "measures": {column.name: json_value(row[column.name]) for column in plan.measures},
    }


def test_what_a_profile_leaves_out_has_its_default() -> None:
    plan = engine.compile_profile(
        engine.parse_profile(b"profile_id: p\nsource: {file: {path: x}}\ndims: {a: {type: string}}")
    )
    assert (plan.write_disposition, plan.records_path, plan.csv_delimiter, plan.csv_null_values) == (
        "append",
        "",
        ",",
        ("",),
    )
    assert (plan.dims[0].source, plan.dims[0].severity) == ("a", "quarantine")
    assert plan.observed_at is None
    assert plan.schema.field("observed_at").type == pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("counts", "adds_up"),
    [((10, 5, 2, 2, 1), True), ((0, 0, 0, 0, 0), True), ((10, 5, 2, 2, 0), False), ((1, 2, -1, 0, 0), False)],
)
def test_a_receipt_adds_up_or_is_refused(counts: tuple[int, int, int, int, int], adds_up: bool) -> None:
    names = ("extracted", "delivered", "deduplicated", "quarantined", "filtered")
    receipt = dict(zip(names, counts, strict=True))
    assert engine.adds_up(**receipt) == adds_up
    if adds_up:
        engine.check_adds_up(**receipt)
        return
    with pytest.raises(engine.ReceiptMismatch) as refusal:
        engine.check_adds_up(**receipt)
    assert refusal.value.metadata == {name: str(count) for name, count in receipt.items()}
