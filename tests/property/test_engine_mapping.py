"""The query and the reference agree: whatever a value is written like, both find the same value, identity and errors."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import rfc8785
from chartly import engine
from chartly.engine.mapped import Mapped, accepted_schema
from chartly.engine.mapper import Mapper
from chartly.engine.pages import Decoded
from chartly.engine.query import ODD
from chartly.engine.reading import json_value
from chartly.engine.records import map_records
from hypothesis import example, given, settings
from hypothesis import strategies as st

WRITTEN = [
    "0",
    "-0",
    "1",
    "-1",
    "007",
    "+5",
    "1.0",
    "-1.0",
    "-0.0",
    "1.50",
    ".5",
    "5.",
    "1e3",
    "1.5e1",
    "1E+2",
    "1e-2",
    "1e-400",
    "1e400",
    "-1e400",
    "12.",
    "0x10",
    "1_000",
    "NaN",
    "nan",
    "-inf",
    "Infinity",
    "9007199254740991",
    "9007199254740992",
    "-9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "9007199254740993.0",
    "123456789012345678.5",
    "0.1",
    "0.30000000000000004",
    "0.1000000000000000055511151231257827",
    "1e21",
    "1e-7",
    "2",
    "3.0",
    "123456789012345.001",
    "99999999999999999999999999999999999999",
    "0.000001",
    "100000000000000000000",
    "5e-324",
    "1.7976931348623157e308",
    "true",
    "false",
    "True",
    "FALSE",
    "T",
    "yes",
    "null",
    "NA",
    "open",
    "closed",
    "2013-01-01",
    "2013-02-30",
    "2013-01-01T05:00:00Z",
    "2013-01-01T05:00:00.5Z",
    "2013-01-01T05:00:00.123456789Z",
    "2013-01-01T05:00:00+02:00",
    "2013-01-01T05:00:00+0230",
    "2013-01-01T24:00:00Z",
    "2013-01-01T05:00Z",
    "2013-01-01T05:00:00",
    "2013-03-31T02:30:00",
    "2013-10-27T02:30:00",
    "0001-01-01T00:00:00Z",
    "0000-01-01",
    "9999-12-31T23:59:59Z",
    "1700000000",
    "1700000000.25",
    "1700000000.1234560001",
    "1700000000.123456789",
    "-5",
    "31/12/2013",
    "1/2/2013",
    "12013-01-01T00:00:00Z",
    "2013-01-01Z",
    "2013-01-01T05:00:60Z",
    "2013-01-01T05:00:00-00:00",
    "1883-11-18T12:01:00",
    "2013-01-01T05:00:00.000Z",
    "10000-01-01",
    "-0001-01-01",
]
ODD_TEXTS = [
    "",
    " ",
    " 12",
    "12 ",
    "2013-01-01 05:00:00",
    "2013-01-01 05:00:00Z",
    'a"b',
    "a\\b",
    "\x1f",
    "\x00",
    "\u2028😀",
    "a\nb",
]
TEXTS = st.one_of(
    st.sampled_from(WRITTEN),
    st.sampled_from(ODD_TEXTS),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000).map(str),
    st.datetimes().map(lambda time: time.isoformat()[:19] + "Z"),
    st.datetimes().map(lambda time: time.isoformat()),
    st.dates().map(lambda date: date.isoformat()),
    st.dates().map(lambda date: date.strftime("%d/%m/%Y")),
    st.dates().map(lambda date: f"{date.day}/{date.month}/{date.year}"),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
NUMBERS = st.one_of(
    st.sampled_from(
        [text for text in WRITTEN if re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", text)]
    ),
    st.sampled_from(["0", "0.1", "0.5", "0.000001", "1e5", "1E400", "1.10", "12345678901234567890.5", "1700000000.5"]),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


# Values as JSON writes them; NaN and Infinity, which it does not have, come from careless writers.
VALUES = st.one_of(
    NUMBERS,
    TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    TEXTS.map(json.dumps),
    st.sampled_from(
        ["null", "true", "false", "NaN", "-Infinity", "{}", "[]", '{"a":1.10}', '["x"]', '"\\ud800"', '"\\u0000"']
    ),
)
RECORDS = st.one_of(
    VALUES.map(lambda value: f'{{"x":{value}}}'),
    VALUES.map(lambda value: f'{{"y":1,"x": {value} ,"z":[]}}'),
    st.sampled_from(
        ['{"y":1}', '{"x":1,"x":2}', '{"X":1}', "[]", "5", "null", '{"x":1', '{"x":1,}', "text", '{"y":1,"y":2,"x":3}']
    ),
)

FIELDS = {
    "text": "{type: string}",
    "word": "{type: string, enum: [open, closed], null_values: [NA]}",
    "matched": "{type: string, pattern: '^[a-z0-9.]+$', default: none}",
    "integer": "{type: integer}",
    "counted": "{type: integer, minimum: 0, maximum: 9007199254740992, null_values: [-1, NA], replace: {T: 0, '5.': null}}",
    "required": "{type: integer, required: true, severity: warn}",
    "number": "{type: number}",
    "bounded": "{type: number, minimum: 0.1, maximum: 1e21, default: 0.5, enum: [0.5, 1, 1e21, 0.1]}",
    "decimal": "{type: decimal, scale: 2, minimum: -0.015}",
    "whole": "{type: decimal, scale: 0}",
    "fraction": "{type: decimal, scale: 38}",
    "boolean": "{type: boolean, replace: {yes: true, 1: true}}",
    "timestamp": "{type: timestamp}",
    "local": "{type: timestamp, time_zone: Europe/Rome}",
    "new_york": "{type: timestamp, time_zone: America/New_York, default: '2013-01-01T05:00:00Z'}",
    "formatted": "{type: timestamp, format: '%d/%m/%Y', time_zone: UTC}",
    "seconds": "{type: timestamp, format: epoch_seconds}",
    "millis": "{type: timestamp, format: epoch_milliseconds, null_values: [0]}",
    "date": "{type: date, enum: ['2013-01-01', '2013-12-31'], severity: warn}",
    "day": "{type: date, format: '%d/%m/%Y'}",
    "epoch_day": "{type: date, format: epoch_seconds}",
    "nested": "{type: string, source: x.a}",
    "nested_number": "{type: number, source: x.a}",
}


def a_plan(field: str) -> engine.Plan:
    field = field if "source" in field else field.removesuffix("}") + ", source: x}"
    text = f"profile_id: p\nsource: {{file: {{path: x}}}}\nmeasures: {{m: {field}}}\n"
    return engine.compile_profile(engine.parse_profile(text.encode()))


class Mappers(dict[str, Mapper]):
    """Mappers by the name of their field; their own representation would fill pages."""

    def __repr__(self) -> str:
        return "mappers"


@pytest.fixture(scope="module")
def mappers() -> Iterator[Mappers]:
    mappers = Mappers({name: Mapper(a_plan(field), check_fields=False) for name, field in FIELDS.items()})
    yield mappers
    for mapper in mappers.values():
        mapper.close()


def by_reference(mapper: Mapper, page: engine.Page) -> Mapped:
    """Map a page as if no record of it were plain."""
    [decoded] = mapper._workers.map(mapper._decode, [page])
    return map_records(mapper.plan, decoded, no_answer(mapper.plan, decoded))


def no_answer(plan: engine.Plan, decoded: Decoded) -> pa.Table:
    schema = accepted_schema(plan)
    rows = decoded.rows.num_rows
    return pa.table(
        {ODD: pa.array([True] * rows, pa.bool_()), **{field.name: pa.nulls(rows, field.type) for field in schema}}
    )


def assert_agreed(mapper: Mapper, page: engine.Page) -> None:
    mapped, expected = mapper.map([page]), by_reference(mapper, page)
    assert repr(mapped.accepted.to_pylist()) == repr(expected.accepted.to_pylist())  # so that -0.0 is not 0.0
    assert mapped.accepted.schema == expected.accepted.schema == accepted_schema(mapper.plan)
    assert mapped.rejected.to_pylist() == expected.rejected.to_pylist()
    assert mapped.warnings == expected.warnings
    assert mapped.extracted == mapped.accepted.num_rows + mapped.rejected.num_rows
    mapped.accepted.validate(full=True)


@settings(max_examples=600)
@given(st.sampled_from(sorted(FIELDS)), st.lists(RECORDS, max_size=12))
@example("integer", ['{"x":123456789012345.001}'])
@example("integer", ['{"x":9007199254740993.0}', '{"x":1.0}', '{"x":-0.0}'])
@example("counted", ['{"x":1.5}', '{"x":true}', '{"x":"T"}', '{"x":-1.0}'])
@example("decimal", ['{"x":19.990000000000000001}', '{"x":19.99}', '{"x":1e1}'])
@example("seconds", ['{"x":1700000000.1234559999}'])
@example("text", ['{"x":1.10}', '{"x":"\\u001f"}', '{"x":12345678901234567890}', '{"x":NaN}'])
@example("text", ['{"x":-0}', '{"x":0}'])
@example("number", ['{"x":-0}', '{"x":-0.0}', '{"x":"-0"}', '{"x":0}'])
@example("local", ['{"x":"2013-03-31T02:30:00"}', '{"x":"2013-10-27T02:30:00"}', '{"x":"2013-07-01T02:30:00"}'])
def test_ndjson_is_mapped_as_the_reference_reads_it(mappers: Mappers, field: str, records: list[str]) -> None:
    assert_agreed(mappers[field], engine.Page(1, "\n".join(records).encode(), "ndjson"))


@settings(max_examples=200)
@given(st.sampled_from(sorted(FIELDS)), st.lists(VALUES.filter(lambda value: "ud800" not in value), max_size=12))
@example("integer", ["123456789012345.001", "1"])
@example("text", ["1.10", "100000.0"])
def test_a_json_list_is_mapped_as_its_items_one_by_one(mappers: Mappers, field: str, values: list[str]) -> None:
    items = [f'{{"x": {value} }}' for value in values]
    page = engine.Page(1, f" [{' , '.join(items)}]\n".encode(), "json")
    assert_agreed(mappers[field], page)
    lines = mappers[field].map([engine.Page(1, "\n".join(items).encode(), "ndjson")])
    assert mappers[field].map([page]).accepted.to_pylist() == lines.accepted.to_pylist()


@settings(max_examples=200)
@given(st.sampled_from(sorted(FIELDS)), st.lists(TEXTS.filter(lambda text: "\x00" not in text), max_size=12))
def test_csv_is_mapped_as_the_reference_reads_it(mappers: Mappers, field: str, texts: list[str]) -> None:
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([["x", "y"], *([text, "1"] for text in texts)])
    assert_agreed(mappers[field], engine.Page(1, file.getvalue().encode(), "csv"))


@settings(max_examples=300)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "f": st.floats(allow_nan=False, allow_infinity=False) | st.none(),
                "i": st.integers(-(2**63), 2**63 - 1) | st.none(),
                "s": st.text(st.characters(codec="utf-8")) | st.none(),
                "b": st.booleans() | st.none(),
            }
        ),
        max_size=8,
    )
)
@example(
    [
        {"f": number, "i": 0, "s": "", "b": None}
        for number in (-0.0, 1e21, 5e-324, 1e-7, 1e-6, 123456789012345680.0, 0.1 + 0.2)
    ]
)
@example(
    [
        {"f": 0.0, "i": sign * 2**53 + step, "s": "\x7f\u2028\U0001f600", "b": True}
        for sign in (-1, 1)
        for step in (-1, 0, 1)
    ]
)
def test_record_ids_are_those_of_the_rfc8785_package(mixed: Mapper, rows: list[dict[str, Any]]) -> None:
    page = engine.Page(1, "\n".join(json.dumps(row) for row in rows).encode(), "ndjson")
    mapped = mixed.map([page])
    expected = [nested(row) for row in rows]
    assert mapped.accepted["record_id"].to_pylist() == [
        hashlib.sha256(rfc8785.dumps(record)).hexdigest() for record in expected
    ]


def nested(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "dims": {"b": row["b"], "s": row["s"]},
        "measures": {"f": row["f"], "i": json_value(row["i"])},
        "observed_at": None,
    }


@pytest.fixture(scope="module")
def mixed() -> Iterator[Mapper]:
    text = b"""
profile_id: p
source: {file: {path: x}}
dims: {s: {type: string}, b: {type: boolean}}
measures: {f: {type: number}, i: {type: integer}}
"""
    with Mapper(engine.compile_profile(engine.parse_profile(text)), check_fields=False) as mapper:
        yield mapper
