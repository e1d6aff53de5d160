"""Laws of chartly.stats: the bits of a statistic depend on the values alone, and a sum is exact, rounded once."""

import math
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction

import duckdb
import pyarrow as pa
import pytest
from chartly.stats.correlation import pearson
from chartly.stats.errors import ConstantColumn, FigureTooLarge, TooFewRows
from chartly.stats.sql import literal
from chartly.stats.summary import STATISTICS, Statistic, Summary, summarise
from hypothesis import example, given, settings
from hypothesis import strategies as st

Rows = list[tuple[int | None, float | None]]
Pairs = list[tuple[float | None, float | None]]

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
MODEST = st.floats(min_value=-1e150, max_value=1e150, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-150)
TINY, HUGE = 5e-324, 1.7976931348623157e308


class Duck:
    """The database of all examples. Hypothesis would keep one that it is handed alive to the end of the process."""

    connection: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module", autouse=True)
def duck() -> Iterator[None]:
    with duckdb.connect(config={"threads": 2}) as Duck.connection:
        yield
    del Duck.connection


def summary(
    values: Sequence[float | None],
    groups: list[int | None] | None = None,
    statistics: Sequence[Statistic] = STATISTICS,
) -> Summary:
    columns = {"x": pa.array(values, pa.float64())}
    if groups is not None:
        columns["g"] = pa.array(groups, pa.int64())
    Duck.connection.register("rows", pa.table(columns))
    return summarise(Duck.connection, "rows", "x", statistics, by=[] if groups is None else ["g"])


def figures(found: Summary) -> list[tuple[object, ...]]:
    return list(zip(*(found.figures[name] for name in found.figures), strict=True))


def exact_sum(values: list[float]) -> float:
    return float(sum(map(Fraction, values), Fraction(0)))


@given(value=DOUBLES)
def test_a_double_survives_as_sql(value: float) -> None:
    [[found]] = Duck.connection.sql(f"SELECT {literal(value)}").fetchall()
    assert found.hex() == value.hex()


@given(values=st.lists(DOUBLES, min_size=1, max_size=60))
@example(values=[1e16, 1.0, -1e16])
@example(values=[HUGE, HUGE, -HUGE, TINY])
@example(values=[HUGE, -HUGE, 1.0, 2.0**-1074])
@example(values=[TINY] * 7)
@example(values=[2.0**52, 0.5, 2.0**-53, -(2.0**52)])
@example(values=[1.0, 2.0**-53, 2.0**-106])
def test_a_sum_is_the_exact_sum_rounded_once(values: list[float]) -> None:
    try:
        expected = exact_sum(values)
    except OverflowError:
        with pytest.raises(FigureTooLarge):
            summary(values, statistics=["sum"])
    else:
        assert figures(summary(values, statistics=["sum"])) == [(expected,)]


@given(values=st.lists(MODEST, min_size=1, max_size=60))
def test_a_sum_equals_fsum_and_a_mean_is_that_sum_over_the_count(values: list[float]) -> None:
    found = summary(values, statistics=["sum", "mean"])
    assert figures(found) == [(math.fsum(values), math.fsum(values) / len(values))]


@given(values=st.lists(MODEST, min_size=2, max_size=60))
@example(values=[1e8 + 1, 1e8 + 2, 1e8 + 3])
@example(values=[0.1, 0.1, 0.1])
@example(values=[3e-150, 4e-150])
def test_a_variance_is_close_to_the_exact_one(values: list[float]) -> None:
    exact = [Fraction(value) for value in values]
    mean = sum(exact, Fraction(0)) / len(exact)
    expected = sum(((value - mean) * (value - mean) for value in exact), Fraction(0)) / (len(exact) - 1)
    [(found,)] = figures(summary(values, statistics=["variance"]))
    assert isinstance(found, float)
    assert abs(Fraction(found) - expected) <= expected * Fraction(1, 10**13) + Fraction(TINY)


ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.one_of(st.none(), MODEST)), min_size=1, max_size=80
)


@settings(max_examples=50)
@given(rows=ROWS, seed=st.randoms(use_true_random=False), threads=st.integers(1, 4))
def test_order_and_threads_change_no_bit(rows: Rows, seed: random.Random, threads: int) -> None:
    def found() -> list[tuple[object, ...]]:
        return figures(summary([x for _, x in rows], [g for g, _ in rows]))

    before = found()
    seed.shuffle(rows)
    Duck.connection.execute(f"SET threads = {threads}")
    assert repr(found()) == repr(before)


@settings(max_examples=50)
@given(rows=ROWS)
def test_a_group_has_the_figures_that_its_rows_have_alone(rows: Rows) -> None:
    together = summary([x for _, x in rows], [g for g, _ in rows])
    keys = together.keys["g"].to_pylist()
    assert keys == sorted({g for g, _ in rows}, key=lambda g: -1 if g is None else g)
    for key, figure in zip(keys, figures(together), strict=True):
        assert repr(figures(summary([x for g, x in rows if g == key]))) == repr([figure])


PAIRS = st.lists(st.tuples(st.one_of(st.none(), MODEST), st.one_of(st.none(), MODEST)), min_size=2, max_size=40)


def correlation(pairs: Pairs) -> tuple[float, int] | str:
    x, y = zip(*pairs, strict=True)
    Duck.connection.register("pairs", pa.table({"x": pa.array(x, pa.float64()), "y": pa.array(y, pa.float64())}))
    try:
        found = pearson(Duck.connection, "pairs", "x", "y")
    except (TooFewRows, ConstantColumn) as error:
        return type(error).__name__
    return found.coefficient, found.count


@settings(max_examples=25)
@given(pairs=PAIRS, seed=st.randoms(use_true_random=False))
def test_a_correlation_has_the_same_bits_in_any_order_and_is_symmetric(pairs: Pairs, seed: random.Random) -> None:
    before = correlation(pairs)
    seed.shuffle(pairs)
    assert repr(correlation(pairs)) == repr(before)
    if not isinstance(before, str):
        assert correlation([(y, x) for x, y in pairs]) == before


@settings(max_examples=50)
@given(pairs=PAIRS)
@example(pairs=[(1e8 + 1, 1.0), (1e8 + 2, 2.0), (1e8 + 3, 2.5)])
@example(pairs=[(1.0, 1.0), (1.0 + 2**-52, 2.0)])
def test_a_correlation_is_close_to_the_exact_one(pairs: Pairs) -> None:
    rows = [(Fraction(x), Fraction(y)) for x, y in pairs if x is not None and y is not None]
    found = correlation(pairs)
    if len(rows) < 2:
        assert found == "TooFewRows"
        return
    columns = [[column[0] for column in rows], [column[1] for column in rows]]
    if any(len(set(column)) == 1 for column in columns):
        assert found == "ConstantColumn"
        return
    dx, dy = ([value - sum(column) / len(column) for value in column] for column in columns)
    xx, yy, xy = (sum(a * b for a, b in zip(p, q, strict=True)) for p, q in ((dx, dx), (dy, dy), (dx, dy)))
    expected = math.copysign(math.sqrt(xy * xy / (xx * yy)), xy)
    assert not isinstance(found, str)
    assert found[0] == pytest.approx(expected, abs=1e-12)
    assert found[1] == len(rows)
