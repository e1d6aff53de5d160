"""Filters on records (AIP-160)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from chartly.aggregator.errors import InvalidFilter
from chartly.aggregator.filter import compile_filter

TYPES = {
    "origin": "string",
    "precip": "number",
    "count": "integer",
    "price": "decimal",
    "wet": "boolean",
    "observed_at": "timestamp",
    "day": "date",
}


@pytest.mark.parametrize(
    ("text", "sql", "parameters"),
    [
        ("", "true", []),
        ('origin = "EWR"', '("origin" = ?)', ["EWR"]),
        ("origin=EWR", '("origin" = ?)', ["EWR"]),
        ("precip >= -0.5", '("precip" >= ?)', [-0.5]),
        ("wet != true", '("wet" <> ?)', [True]),
        ("price < 12.50", '("price" < ?)', [Decimal("12.50")]),
        ("day = 2013-01-31", '("day" = ?)', [date(2013, 1, 31)]),
        ("observed_at > 2013-01-01T05:00:00Z", '("observed_at" > ?)', [datetime(2013, 1, 1, 5, tzinfo=UTC)]),
        ("origin = null", '("origin" IS NULL)', []),
        ("origin != null", '("origin" IS NOT NULL)', []),
        ('origin = "a \\"b\\" c"', '("origin" = ?)', ['a "b" c']),
        ("NOT wet = true", '(("wet" = ?) IS NOT TRUE)', [True]),
        ("-wet = true", '(("wet" = ?) IS NOT TRUE)', [True]),
    ],
)
def test_a_comparison_becomes_a_condition_with_parameters(text: str, sql: str, parameters: list[object]) -> None:
    condition = compile_filter(text, TYPES)
    assert (condition.sql, condition.parameters) == (sql, parameters)


def test_or_binds_tighter_than_and_as_aip_160_says() -> None:
    condition = compile_filter("count = 1 AND count = 2 OR count = 3", TYPES)
    assert condition.sql == '(("count" = ?) AND (("count" = ?) OR ("count" = ?)))'
    assert condition.parameters == [1, 2, 3]


def test_parentheses_decide() -> None:
    assert compile_filter("(count = 1 AND count = 2) OR count = 3", TYPES).sql == (
        '((("count" = ?) AND ("count" = ?)) OR ("count" = ?))'
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("colour = red", "there is no field 'colour'"),
        ("precip > wet", "'wet' is no number"),
        ("count = 1.5", "'1.5' is no integer"),
        ("observed_at > 2013-01-01T05:00:00", "is no timestamp"),
        ("origin", "a comparison after 'origin' is missing"),
        ("origin =", "a value is missing"),
        ("(origin = EWR", "a parenthesis is not closed"),
        ("origin = EWR origin", "unexpected 'origin'"),
        ('origin = "EWR', "cannot read column"),
        ("count < null", "null can only be compared"),
        ("(" * 60 + "count = 1" + ")" * 60, "nested deeper"),
        (" AND ".join(["count = 1"] * 400), "more than 1000 words"),
    ],
)
def test_a_filter_that_cannot_be_read_says_why(text: str, problem: str) -> None:
    with pytest.raises(InvalidFilter, match="the filter cannot be read") as caught:
        compile_filter(text, TYPES)
    assert problem in caught.value.message


def test_no_text_of_a_filter_becomes_sql() -> None:
    condition = compile_filter("""origin = "'; DROP TABLE records; --" """, TYPES)
    assert condition.sql == '("origin" = ?)'
    assert condition.parameters == ["'; DROP TABLE records; --"]
