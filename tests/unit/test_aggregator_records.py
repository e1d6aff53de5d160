"""Reading rows of a snapshot in pages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.aggregator.filter import Condition, compile_filter
from chartly.aggregator.records import Place, Row, place_after, read_rows, types_of

START = datetime(2013, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), metadata={"kind": "system"}),
        pa.field("run_id", pa.string(), metadata={"kind": "system"}),
        pa.field("observed_at", pa.timestamp("us", "UTC"), metadata={"kind": "system"}),
        pa.field("big", pa.int64(), metadata={"kind": "dim"}),
        pa.field("late", pa.string(), metadata={"kind": "measure"}),
    ]
)
ALL = Condition("true", [])


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files: the first lacks the column `late`, and three rows are equal."""
    first = [("a", START, 1), ("b", START, 2), ("b", START, 2), ("b", START, 2), ("c", None, 2**60)]
    columns = list(zip(*[(record_id, "r-1", at, big) for record_id, at, big in first], strict=True))
    fields = [SCHEMA.field(index) for index in range(4)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)]
    pq.write_table(pa.table(arrays, schema=pa.schema(fields)), tmp_path / "1.parquet")
    second = {
        "record_id": ["d"],
        "run_id": ["r-2"],
        "observed_at": [START + timedelta(hours=1)],
        "big": [None],
        "late": ["x"],
    }
    pq.write_table(pa.table(second, schema=SCHEMA), tmp_path / "2.parquet")
    return [str(tmp_path / "1.parquet"), str(tmp_path / "2.parquet")]


def pages(files: list[str], size: int) -> list[list[Row]]:
    found: list[list[Row]] = []
    after: Place | None = None
    while rows := read_rows(files, SCHEMA, condition=ALL, after=after, limit=size):
        found.append(rows)
        after = place_after(rows, after)
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_pages_of_any_size_hold_every_row_once_in_order(files: list[str], size: int) -> None:
    rows = [row for page in pages(files, size) for row in page]
    assert [row.record_id for row in rows] == ["a", "b", "b", "b", "d", "c"]


def test_values_keep_every_digit_and_their_kind(files: list[str]) -> None:
    rows = {row.record_id: row for row in read_rows(files, SCHEMA, condition=ALL, limit=10)}
    assert rows["c"].dims == {"big": str(2**60)}
    assert rows["a"].dims == {"big": 1}
    assert (rows["a"].measures, rows["d"].measures) == ({"late": None}, {"late": "x"})
    assert (rows["a"].observed_at, rows["c"].observed_at) == (START, None)


def test_a_window_takes_its_start_and_leaves_its_end(files: list[str]) -> None:
    rows = read_rows(files, SCHEMA, condition=ALL, start_time=START, end_time=START + timedelta(hours=1), limit=10)
    assert [row.record_id for row in rows] == ["a", "b", "b", "b"]


def test_a_filter_decides(files: list[str]) -> None:
    condition = compile_filter("big >= 2 AND observed_at != null", types_of(SCHEMA))
    rows = read_rows(files, SCHEMA, condition=condition, limit=10)
    assert [row.record_id for row in rows] == ["b", "b", "b"]


def test_a_dataset_without_files_has_no_rows() -> None:
    assert read_rows([], SCHEMA, condition=ALL, limit=10) == []
