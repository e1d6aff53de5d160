"""Tables and correlations of joined datasets, computed from Parquet files as storage's snapshots name them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.analytics.datasets import Dataset
from chartly.analytics.errors import JoinEmpty, SeveralRowsPerKey, StatisticUndefined, UnknownField
from chartly.analytics.figures import Row, correlate, tabulate
from chartly.analytics.question import Band, Bands, Input, Query, Window
from chartly.api.storage.v1.storage_pb2 import OpenSnapshotResponse
from chartly.runtime.errors import InvalidField

DELAY, RAIN = Input("flights", "delay", "mean"), Input("weather", "rain")
BANDS = Bands("rain", (Band("dry", at_most=0.0), Band("light", below=0.5), Band("heavy")))
SCHEMAS = {
    "flights": {"hour": ("dim", pa.int64()), "tail": ("dim", pa.string()), "delay": ("measure", pa.float64())},
    "weather": {"hour": ("dim", pa.int64()), "rain": ("measure", pa.float64()), "fog": ("measure", pa.float64())},
}


def a_schema(columns: Mapping[str, tuple[str, pa.DataType]]) -> pa.Schema:
    observed_at = pa.field("observed_at", pa.timestamp("us", "UTC"), metadata={"kind": "system"})
    return pa.schema([observed_at, *(pa.field(n, t, metadata={"kind": kind}) for n, (kind, t) in columns.items())])


class Lake:
    """A folder of datasets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.datasets: dict[str, Dataset] = {}

    def fill(
        self,
        profile_id: str,
        *files: Sequence[Mapping[str, Any]],
        columns: Mapping[str, tuple[str, pa.DataType]] | None = None,
        older: Sequence[str] = (),
    ) -> None:
        """Write each list of rows as a file, without the columns that are younger than the files."""
        schema, uris = a_schema(columns or SCHEMAS[profile_id]), []
        for number, rows in enumerate(files):
            path = self.folder / f"{profile_id} {number}.parquet"
            table = pa.Table.from_pylist([{"observed_at": at(number), **row} for row in rows], schema)
            pq.write_table(table.drop_columns(list(older)), path)
            uris.append(path.as_uri())
        answer = OpenSnapshotResponse(version=1, file_uris=uris, arrow_schema=schema.serialize().to_pybytes())
        self.datasets[profile_id] = Dataset(profile_id, answer)

    def table(self, query: Query, bands: Bands | None = None, **options: Any) -> Any:
        return tabulate(connect(), query, self.datasets, options.get("statistic", "mean"), bands)

    def correlations(self, query: Query) -> list[tuple[int, int, float, int]]:
        return [(left, right, c.coefficient, c.count) for left, right, c in correlate(connect(), query, self.datasets)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.fill("flights", [{"hour": 1, "delay": 10.0}, {"hour": 1, "delay": 20.0}], [{"hour": 2, "delay": 40.0}])
    lake.fill("weather", [{"hour": hour, "rain": rain} for hour, rain in ((1, 0.0), (2, 0.1), (3, 0.9))])
    return lake


def connect(threads: int = 2) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": threads})


def at(hour: int) -> datetime:
    return datetime(2013, 1, 1, hour, tzinfo=UTC)


def micros(hour: int) -> int:
    return int(at(hour).timestamp() * 1_000_000)


def a_query(*inputs: Input, join: Sequence[str] = ("hour",), window: Window | None = None) -> Query:
    return Query(inputs or (DELAY, RAIN), tuple(join), window or Window())


def test_an_input_is_reduced_per_key_before_its_band(lake: Lake) -> None:
    table = lake.table(a_query(), BANDS)
    assert table.columns == ["band", "count", "delay"]
    assert table.rows == [Row("dry", 1, [15.0]), Row("light", 1, [40.0]), Row("heavy", 0, [None])]


def test_the_first_bound_that_holds_takes_a_row_and_none_leaves_it_out(lake: Lake) -> None:
    bands = Bands("rain", (Band("up to", at_most=0.1), Band("below", below=0.9)))
    lake.fill("flights", [{"hour": hour, "delay": float(hour)} for hour in (1, 2, 3)])
    assert lake.table(a_query(), bands).rows == [Row("up to", 2, [1.5]), Row("below", 0, [None])]


def test_without_bands_there_is_one_row(lake: Lake) -> None:
    table = lake.table(a_query(), statistic="sum")
    assert (table.columns, table.rows) == (["count", "delay", "rain"], [Row("", 2, [55.0, 0.1])])


def test_a_row_counts_where_every_input_has_a_value(lake: Lake) -> None:
    lake.fill("weather", [{"hour": 1, "rain": 0.0, "fog": None}, {"hour": 2, "rain": 0.0, "fog": 5.0}])
    assert lake.table(a_query(DELAY, RAIN), BANDS).rows[0] == Row("dry", 2, [27.5])
    assert lake.table(a_query(DELAY, RAIN, Input("weather", "fog")), BANDS).rows[0] == Row("dry", 1, [40.0, 5.0])


def test_a_measure_asked_twice_has_columns_that_say_all(lake: Lake) -> None:
    table = lake.table(a_query(DELAY, Input("flights", "delay", "maximum"), RAIN), BANDS)
    assert table.columns == ["band", "count", "flights.delay.mean", "flights.delay.maximum"]
    assert table.rows[0] == Row("dry", 1, [15.0, 20.0])


def test_a_measure_may_be_called_like_another_column(lake: Lake) -> None:
    lake.fill(
        "weather",
        [{"hour": 1, "count": 7.0}],
        columns={"hour": ("dim", pa.int64()), "count": ("measure", pa.float64())},
    )
    table = lake.table(a_query(DELAY, Input("weather", "count")))
    assert (table.columns, table.rows) == (["count", "delay", "weather.count"], [Row("", 1, [15.0, 7.0])])


def test_the_window_takes_its_start_and_leaves_out_its_end(lake: Lake) -> None:
    lake.fill("flights", *([{"hour": 1, "delay": float(hour)}] for hour in range(5)))
    window = Window(micros(1), micros(3))
    assert lake.table(a_query(DELAY, window=window)).rows == [Row("", 1, [1.5])]


def test_rows_without_a_key_match_nothing(lake: Lake) -> None:
    lake.fill("flights", [{"hour": None, "delay": 99.0}, {"hour": 1, "delay": 1.0}])
    lake.fill("weather", [{"hour": None, "rain": 0.0}, {"hour": None, "rain": 0.0}, {"hour": 1, "rain": 0.0}])
    assert lake.table(a_query(), BANDS).rows[0] == Row("dry", 1, [1.0])


def test_a_file_older_than_a_column_has_nulls_there(lake: Lake) -> None:
    lake.fill("weather", [{"hour": 1, "rain": 0.0}], older=["fog"])
    assert lake.table(a_query(DELAY, Input("weather", "fog"))).rows == [Row("", 0, [None, None])]


def test_a_dataset_without_files_has_no_rows(lake: Lake) -> None:
    lake.fill("flights")
    assert lake.table(a_query(DELAY)).rows == [Row("", 0, [None])]


def test_text_can_be_counted_and_nothing_else(lake: Lake) -> None:
    columns = {
        "hour": ("dim", pa.int64()),
        "gate": ("measure", pa.string()),
        "delay": ("measure", pa.decimal128(38, 2)),
    }
    lake.fill(
        "flights", [{"hour": 1, "gate": "A1"}, {"hour": 1, "gate": None}, {"hour": 2, "gate": "B2"}], columns=columns
    )
    assert lake.table(a_query(Input("flights", "gate", "count"))).rows == [Row("", 2, [1.0])]
    with pytest.raises(UnknownField, match="flights: gate is a string, which can only be counted; there are: delay"):
        lake.table(a_query(Input("flights", "gate", "mean")))


def test_each_pair_leaves_out_the_rows_in_which_it_lacks_a_value(lake: Lake) -> None:
    lake.fill("flights", [{"hour": hour, "delay": float(hour)} for hour in (1, 2, 3, 4)])
    fog = {1: 4.0, 2: 3.0, 3: 2.0, 4: None}
    lake.fill("weather", [{"hour": h, "rain": float(h * 2) if h > 1 else None, "fog": fog[h]} for h in (1, 2, 3, 4)])
    found = lake.correlations(a_query(DELAY, RAIN, Input("weather", "fog")))
    assert found == [(0, 1, 1.0, 3), (0, 2, -1.0, 3), (1, 2, -1.0, 2)]


def test_a_correlation_that_is_undefined_names_the_measure(lake: Lake) -> None:
    lake.fill("weather", [{"hour": 1, "rain": 0.0}, {"hour": 2, "rain": 0.0}])
    with pytest.raises(StatisticUndefined, match=r"rain is 0\.0 in all 2 rows") as caught:
        lake.correlations(a_query())
    assert caught.value.metadata == {"field": "rain"}


def test_a_sum_beyond_the_doubles_names_the_measure(lake: Lake) -> None:
    lake.fill("flights", [{"hour": 1, "delay": 1.7e308}, {"hour": 1, "delay": 1.7e308}])
    with pytest.raises(StatisticUndefined, match="the sum of delay is beyond the largest double"):
        lake.table(a_query(Input("flights", "delay", "sum")))


def test_several_rows_a_key_need_a_statistic(lake: Lake) -> None:
    with pytest.raises(SeveralRowsPerKey, match=r"flights has several rows for 1 join keys, such as \(1\)") as caught:
        lake.table(a_query(Input("flights", "delay"), RAIN))
    assert caught.value.metadata == {"profile_id": "flights", "measure": "delay", "keys": "1"}


def test_a_join_of_different_types_says_where_to_declare_the_field(lake: Lake) -> None:
    rows = [{"hour": at(1), "delay": 1.0}, {"hour": at(2), "delay": 1.0}]
    lake.fill("flights", rows, columns=SCHEMAS["flights"] | {"hour": ("dim", pa.timestamp("us", "UTC"))})
    lake.fill(
        "weather", [{"hour": "2013-01-01", "rain": 0.0}], columns=SCHEMAS["weather"] | {"hour": ("dim", pa.string())}
    )
    with pytest.raises(JoinEmpty) as caught:
        lake.table(a_query())
    assert caught.value.message == (
        "Join matched 0 of 2 keys. hour is a timestamp on the left, text on the right. "
        "Declare it in weather: {type: timestamp}"
    )
    assert caught.value.metadata == {"left_keys": "2", "right_keys": "1"}
    with pytest.raises(JoinEmpty, match=r"hour is a text on the left, .* Declare it in weather: \{type: timestamp\}"):
        lake.table(a_query(RAIN, DELAY))


def test_keys_of_two_numeric_types_match(lake: Lake) -> None:
    columns = SCHEMAS["weather"] | {"hour": ("dim", pa.float64())}
    lake.fill("weather", [{"hour": 1.0, "rain": 0.0}], columns=columns)
    assert lake.table(a_query(), BANDS).rows[0] == Row("dry", 1, [15.0])


def test_a_join_that_matches_nothing_shows_where_each_side_begins(lake: Lake) -> None:
    lake.fill("weather", [{"hour": 7, "rain": 0.0}])
    with pytest.raises(
        JoinEmpty, match=r"Join matched 0 of 2 keys. No hour is in both: flights begins with \(1\), weather with \(7\)"
    ):
        lake.table(a_query())
    lake.fill("weather", [])
    with pytest.raises(JoinEmpty, match="weather has no row with hour in the window"):
        lake.table(a_query())


def test_unknown_fields_are_named_beside_those_that_are_there(lake: Lake) -> None:
    with pytest.raises(UnknownField, match="weather: tail is no dim to join on; there are: hour, observed_at"):
        lake.table(a_query(join=("tail",)))
    with pytest.raises(UnknownField, match="flights: tail is no measure; there are: delay") as caught:
        lake.table(a_query(Input("flights", "tail", "count")))
    assert caught.value.metadata == {"profile_id": "flights", "field": "tail"}


def test_a_question_that_no_data_can_answer_is_refused() -> None:
    with pytest.raises(InvalidField, match="the input stands here twice"):
        a_query(DELAY, DELAY)
    with pytest.raises(InvalidField, match="at least 2 inputs"):
        a_query(DELAY).pairs()
    with pytest.raises(InvalidField, match="no input reads fog"):
        a_query().place_of(Bands("fog", (Band("all"),)))


def test_files_and_threads_change_no_bit(lake: Lake, tmp_path: Path) -> None:
    rows = [{"hour": i % 50, "delay": 0.1 * (i * 7919 % 1009) - 30} for i in range(5000)]
    weather = [{"hour": hour, "rain": 0.01 * (hour % 13), "fog": 1.0 / (hour + 1)} for hour in range(50)]
    query = a_query(Input("flights", "delay", "mean"), RAIN, Input("weather", "fog"))
    found = set()
    for files, threads in ((1, 1), (3, 4), (11, 2)):
        other = Lake(tmp_path / str(files))
        other.folder.mkdir()
        other.fill("flights", *([dict(row, observed_at=at(0)) for row in rows[i::files]] for i in range(files)))
        other.fill("weather", weather[::-1] if files == 3 else weather)
        table = tabulate(connect(threads), query, other.datasets, "variance", BANDS)
        found.add(repr((table, correlate(connect(threads), query, other.datasets))))
    assert len(found) == 1


def test_only_the_columns_and_row_groups_that_a_query_needs_are_read(lake: Lake) -> None:
    connection = connect()
    source = lake.datasets["flights"].source(connection, "schema")
    query = f"EXPLAIN SELECT hour FROM {source} WHERE observed_at >= make_timestamptz({micros(1)})"
    [[_, plan]] = connection.sql(query).fetchall()
    read = plan[plan.index("READ_PARQUET") :]
    assert "hour" in read
    assert "observed_at" in read
    assert "delay" not in plan
