"""What the contract of a dataset's rows says, every record that the engine delivers keeps, whatever its source sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chartly.contracts.checks.validation import Checker
from chartly.contracts.odcs.document import read_odcs
from chartly.contracts.rows.columns import LIMITS, Row, RowColumn, row_of_profile, row_of_schema, row_schema
from chartly.contracts.rows.exports import export_row
from chartly.contracts.schemas.document import schema_of
from chartly.engine import Page, compile_profile, parse_profile
from chartly.engine.mapper import Mapper
from chartly.engine.reading import json_value
from hypothesis import given, settings
from hypothesis import strategies as st

PROFILE = parse_profile((Path(__file__).parents[1] / "lib/every_type.yaml").read_bytes())
ROW = row_of_profile(PROFILE)
PLAIN: dict[str, list[Any]] = {
    "Updated": ["01/05/2024 10:00", "31/03/2024 02:30"],
    "Order No": ["AB12", "ZZ9", "XAB12x"],
    "shop": ["MI01", 'RM"01', "Österreich", "XX"],
    "kind": [1, 2, 3, 4, None],
    "opened": ["2024-05-01", "0001-01-01", None],
    "paid": [True, False, "true", "FALSE"],
    "settled": ["2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000001+02:00", "later", None],
    "Total": ["12.50", 12.5, "-0.00", "1e3", "12.505"],
    "cents": [7, "-0", "7.0", None],
    "items": [1, 5000, 5001, 0, 9007199254740993, None],
    "weight": [0.5, "1e-3", 1e300, 7, None],
}
ODD = [None, "", "NaN", "1e999", "x", -1, 0, 1.5, True, [1], {"a": 1}, "\u0000", "2024-02-30"]


@pytest.fixture(scope="module")
def mapper() -> Iterator[Mapper]:
    with Mapper(compile_profile(PROFILE), check_fields=False) as opened:
        yield opened


GOOD = {name: values[0] for name, values in PLAIN.items()}
changes = st.sampled_from(sorted(PLAIN)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(PLAIN[name]) | st.sampled_from(ODD))
)
records = st.lists(changes, max_size=3).map(lambda changed: GOOD | dict(changed))


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(records, min_size=20, max_size=60))
def test_every_record_that_is_delivered_keeps_the_contract_of_the_rows(
    mapper: Mapper, rows: list[dict[str, Any]]
) -> None:
    page = Page(1, "\n".join(map(json.dumps, rows)).encode(), "ndjson")
    delivered = mapper.map([page, Page(2, json.dumps(GOOD).encode(), "ndjson")]).accepted.to_pylist()
    assert delivered
    flat = [{column.name: written(row[column.name]) for column in ROW.columns} for row in delivered]
    assert Checker(row_schema(PROFILE)).misfits(flat) == []
    assert Checker(read_odcs(export_row(ROW, "odcs")[1]).schema).misfits(flat) == []


def written(value: Any) -> Any:
    """Return a value as records have it in JSON; an integer is one of any size in the contract of rows."""
    return value if type(value) is int else json_value(value)


names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


@st.composite
def columns(draw: st.DrawFn, name: str) -> RowColumn:
    kind = draw(st.sampled_from(["string", "integer", "number", "decimal", "boolean", "timestamp", "date"]))
    numbers = kind in ("integer", "number")
    bounds = {word: draw(st.integers(0, 9)) for word in LIMITS[:2] if numbers and draw(st.booleans())}
    sizes = {word: draw(st.integers(0, 9)) for word in LIMITS[2:] if kind == "string" and draw(st.booleans())}
    texts = st.lists(st.text(max_size=5), max_size=3, unique=True)
    return RowColumn(
        name,
        kind,
        draw(st.booleans()),
        draw(st.text(max_size=20)),
        draw(st.sampled_from(["", "EUR", "°C"])),
        draw(st.integers(0, 9)) if kind == "decimal" else 0,
        tuple(draw(texts)) if kind == "string" and not sizes else (),
        tuple((word, value, numbers and draw(st.booleans())) for word, value in {**bounds, **sizes}.items()),
        draw(st.sampled_from(["", "^a+$"])) if kind == "string" else "",
    )


@st.composite
def row_with_columns(draw: st.DrawFn) -> Row:
    chosen = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    return Row("some-rows", tuple(draw(columns(name)) for name in chosen), "1.2.3")


@settings(max_examples=100, deadline=None)
@given(row_with_columns())
def test_a_row_comes_back_from_its_json_schema(row: Row) -> None:
    assert row_of_schema(schema_of(row.schema()), name=row.name, version=row.version) == row


@settings(max_examples=100, deadline=None)
@given(row_with_columns())
def test_a_row_comes_back_from_its_data_contract(row: Row) -> None:
    assert read_odcs(export_row(row, "odcs")[1]).row() == row
