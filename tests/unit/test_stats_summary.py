"""Unit tests of chartly.stats on small columns and on files."""

import math
import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.stats.correlation import pearson
from chartly.stats.errors import ConstantColumn, FigureTooLarge, TooFewRows
from chartly.stats.folds import Folds
from chartly.stats.summary import Summary, summarise


def connect(threads: int = 2) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": threads})


def summary_of(values: list[float | None] | pa.Array) -> Summary:
    connection = connect()
    connection.register(
        "rows", pa.table({"x": values if isinstance(values, pa.Array) else pa.array(values, pa.float64())})
    )
    return summarise(connection, "rows", "x")


def test_a_summary_of_a_few_values() -> None:
    found = summary_of([3.0, None, 1.0, 2.0])
    assert found.figures == {
        "count": [3],
        "sum": [6.0],
        "mean": [2.0],
        "variance": [1.0],
        "minimum": [1.0],
        "maximum": [3.0],
    }
    assert found.nonfinite_counts == [0]


def test_a_summary_of_no_value_has_only_a_count() -> None:
    found = summary_of([None, None])
    assert found.figures == {
        "count": [0],
        "sum": [None],
        "mean": [None],
        "variance": [None],
        "minimum": [None],
        "maximum": [None],
    }


def test_one_value_has_no_variance() -> None:
    assert summary_of([5.0]).figures["variance"] == [None]


def test_a_constant_column_has_variance_zero() -> None:
    assert summary_of([0.1] * 1001).figures["variance"] == [0.0]


def test_nonfinite_values_are_counted_apart() -> None:
    found = summary_of([1.0, math.nan, math.inf, -math.inf, 2.0, None])
    assert (found.figures["sum"], found.figures["count"], found.nonfinite_counts) == ([3.0], [2], [3])


def test_minimum_and_maximum_have_no_negative_zero() -> None:
    found = summary_of([-0.0, 0.0, -0.0])
    assert repr((found.figures["minimum"], found.figures["maximum"], found.figures["sum"])) == "([0.0], [0.0], [0.0])"


@pytest.mark.parametrize("type_", [pa.int64(), pa.int8(), pa.decimal128(23, 3), pa.float32()])
def test_every_numeric_type_is_summed_as_doubles(type_: pa.DataType) -> None:
    assert summary_of(pa.array([1, 2, 4]).cast(type_)).figures["sum"] == [7.0]


def test_a_mean_exists_where_the_sum_is_beyond_the_doubles() -> None:
    connection = connect()
    connection.register("rows", pa.table({"x": [1.7e308, 1.7e308, 1.7e308]}))
    assert summarise(connection, "rows", "x", ["mean"]).figures["mean"] == [1.7e308]
    with pytest.raises(FigureTooLarge):
        summarise(connection, "rows", "x", ["sum"])
    connection.register("rows", pa.table({"x": [1.7e308, -1.7e308]}))
    assert summarise(connection, "rows", "x", ["sum"]).figures["sum"] == [0.0]
    with pytest.raises(FigureTooLarge):
        summarise(connection, "rows", "x", ["variance"])


def test_a_group_of_tiny_values_keeps_its_bits_beside_a_group_of_huge_ones() -> None:
    connection = connect()
    connection.register(
        "rows", pa.table({"g": ["tiny", "huge", "tiny", "huge"], "x": [5e-324, 1.7e308, 1e-323, 1.7e308]})
    )
    found = summarise(connection, "rows", "x", ["mean", "minimum"], by=["g"])
    assert found.keys["g"].to_pylist() == ["huge", "tiny"]
    assert found.figures["mean"] == [1.7e308, 1.5e-323 / 2]


def test_groups_of_several_keys_come_in_order_with_nulls_first() -> None:
    connection = connect()
    connection.register("rows", pa.table({"a": ["y", "x", "x", None], "b": [1, 2, 1, 1], "x": [1.0, 2.0, 3.0, 4.0]}))
    found = summarise(connection, "rows", "x", ["sum", "variance"], by=["a", "b"])
    assert found.keys.to_pylist() == [{"a": None, "b": 1}, {"a": "x", "b": 1}, {"a": "x", "b": 2}, {"a": "y", "b": 1}]
    assert found.figures["sum"] == [4.0, 3.0, 2.0, 1.0]


def test_a_key_may_be_called_like_a_statistic() -> None:
    connection = connect()
    connection.register("rows", pa.table({"count": [1, 1, 2], "v0": [1.0, 2.0, 3.0]}))
    found = summarise(connection, "rows", "v0", by=["count"])
    assert (found.keys["count"].to_pylist(), found.figures["count"]) == ([1, 2], [2, 1])


def test_files_rows_and_threads_give_one_result(tmp_path: Path) -> None:
    chance = random.Random(7)
    values = [chance.uniform(-1, 1) * 10.0 ** chance.randint(-12, 12) for _ in range(30_000)]
    found = set()
    for threads, files in ((1, 1), (2, 7), (4, 13)):
        chance.shuffle(values)
        folder = tmp_path / str(files)
        folder.mkdir()
        for i in range(files):
            pq.write_table(pa.table({"x": values[i::files]}), folder / f"{i}.parquet", row_group_size=1000)
        found.add(repr(summarise(connect(threads), f"read_parquet('{folder}/*.parquet')", "x").figures))
    assert len(found) == 1
    assert f"'sum': [{math.fsum(values)!r}]" in found.pop()


def test_folds_are_as_few_as_the_magnitudes_allow() -> None:
    assert len(Folds.plan(336_776, 1301.0, 1.0).exponents) == 2
    assert len(Folds.plan(5_000_000, 1.0, 1e-7).exponents) == 3
    assert Folds.plan(10, None, None).exponents == ()
    assert len(Folds.plan(1000, 1.7e308, 5e-324).exponents) < 60


def test_a_correlation_of_a_line_is_one() -> None:
    connection = connect()
    connection.register(
        "rows", pa.table({"x": [1.0, 2.0, 3.0, None], "y": [10, 20, 30, 40], "z": [-1.0, -2.0, -3.0, 9.0]})
    )
    assert (pearson(connection, "rows", "x", "y").coefficient, pearson(connection, "rows", "x", "z").coefficient) == (
        1.0,
        -1.0,
    )
    assert pearson(connection, "rows", "x", "y").count == 3


def test_a_correlation_of_prices_near_1e8_stays_in_range() -> None:
    connection = connect()
    connection.register(
        "rows", pa.table({"x": [1e8 + i % 3 for i in range(99)], "y": [1e8 + (i % 3) * 2 for i in range(99)]})
    )
    assert pearson(connection, "rows", "x", "y").coefficient == 1.0


def test_a_correlation_needs_two_rows_and_two_values() -> None:
    connection = connect()
    connection.register("rows", pa.table({"x": [1.0, 2.0], "y": [5.0, 5.0], "z": pa.array([None, 1.0], pa.float64())}))
    with pytest.raises(ConstantColumn, match=r"y is 5\.0 in all 2 rows"):
        pearson(connection, "rows", "x", "y")
    with pytest.raises(TooFewRows, match="1 rows have both x and z"):
        pearson(connection, "rows", "x", "z")
