"""Deduplication in DuckDB gives what a plain model gives, for any rows, files and repetitions."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.storage import dedupe
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("run_id", pa.string()),
        ("observed_at", pa.timestamp("us", "UTC")),
        ("key", pa.string()),
        ("value", pa.int64()),
    ]
)


class Row(NamedTuple):
    key: str | None
    value: int
    instant: int | None

    @property
    def record_id(self) -> str:
        return f"{self.key}/{self.value}/{self.instant}"


ROWS = st.lists(
    st.builds(Row, st.sampled_from(["a", "b", "c", None]), st.integers(0, 2), st.sampled_from([None, 1, 2, 3])),
    max_size=8,
)
RUNS = st.lists(st.lists(ROWS, max_size=3), min_size=1, max_size=4)


def instant_of(row: Row) -> int:
    return -1 if row.instant is None else row.instant


def append_model(held: list[Row], staged: list[Row]) -> list[Row]:
    delivered, seen = [], dict[Row, int]()
    for row in staged:
        seen[row] = seen.get(row, 0) + 1
        if seen[row] > held.count(row):
            delivered.append(row)
    return delivered


def merge_model(held: list[Row], staged: list[Row]) -> list[Row]:
    last = dict[str | None, Row]()
    for row in staged:
        if row.key not in last or instant_of(row) >= instant_of(last[row.key]):
            last[row.key] = row
    rows = {row.key: row for row in held}
    return [
        r for r in last.values() if r.key not in rows or (r != rows[r.key] and instant_of(r) >= instant_of(rows[r.key]))
    ]


def write(path: Path, rows: list[Row]) -> Path:
    epoch = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    instants = [None if r.instant is None else epoch + datetime.timedelta(days=r.instant) for r in rows]
    columns = [
        [r.record_id for r in rows],
        ["r-1"] * len(rows),
        instants,
        [r.key for r in rows],
        [r.value for r in rows],
    ]
    pq.write_table(pa.table(columns, schema=SCHEMA), path)
    return path


def read(paths: list[Path]) -> list[str]:
    return sorted(value.as_py() for path in paths for value in pq.read_table(path).column("record_id"))


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


@settings(max_examples=60, deadline=None)
@given(runs=RUNS)
def test_append_delivers_what_the_model_delivers(sql: duckdb.DuckDBPyConnection, runs: list[list[list[Row]]]) -> None:
    held = list[Row]()
    with tempfile.TemporaryDirectory() as folder:
        current = list[Path]()
        for number, files in enumerate(runs):
            staged = [write(Path(folder, f"{number}-{index}.parquet"), rows) for index, rows in enumerate(files)]
            rows = [row for file in files for row in file]
            delivery = dedupe.append(sql, staged, current, Path(folder, f"output-{number}"))
            expected = append_model(held, rows)
            assert (delivery.delivered, delivery.deduplicated) == (len(expected), len(rows) - len(expected))
            assert delivery.removed == ()
            current += delivery.added
            held += expected
            assert read(current) == sorted(row.record_id for row in held)
            assert dedupe.append(sql, staged, current, Path(folder, "again")).delivered == 0


@settings(max_examples=60, deadline=None)
@given(runs=RUNS)
def test_merge_delivers_what_the_model_delivers(sql: duckdb.DuckDBPyConnection, runs: list[list[list[Row]]]) -> None:
    held = dict[str | None, Row]()
    with tempfile.TemporaryDirectory() as folder:
        current = list[Path]()
        for number, files in enumerate(runs):
            staged = [write(Path(folder, f"{number}-{index}.parquet"), rows) for index, rows in enumerate(files)]
            rows = [row for file in files for row in file]
            delivery = dedupe.merge(sql, staged, current, ["key"], Path(folder, f"output-{number}"))
            expected = merge_model(list(held.values()), rows)
            assert (delivery.delivered, delivery.deduplicated) == (len(expected), len(rows) - len(expected))
            current = [file for file in current if file not in delivery.removed] + list(delivery.added)
            held |= {row.key: row for row in expected}
            assert read(current) == sorted(row.record_id for row in held.values())
            assert dedupe.merge(sql, staged, current, ["key"], Path(folder, "again")).delivered == 0


def test_a_column_that_older_files_lack_is_null_in_their_rows(sql: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    held = write(tmp_path / "held.parquet", [Row("a", 1, 1), Row("b", 1, 1)])
    wider = SCHEMA.append(pa.field("colour", pa.string()))
    row = {
        "record_id": ["new"],
        "run_id": ["r-2"],
        "observed_at": [None],
        "key": ["a"],
        "value": [2],
        "colour": ["red"],
    }
    staged = tmp_path / "staged.parquet"
    pq.write_table(
        pa.table({**row, "observed_at": pa.array([datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)])}, schema=wider),
        staged,
    )
    delivery = dedupe.merge(sql, [staged], [held], ["key"], tmp_path / "output")
    assert (delivery.delivered, delivery.removed) == (1, (held,))
    assert read(list(delivery.added)) == ["b/1/1", "new"]
