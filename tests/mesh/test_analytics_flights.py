"""The demo's two reports on the real flights and weather of 2013, beside a computation of their own in plain Python."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import duckdb
import nyc
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from chartly.analytics.datasets import Dataset
from chartly.analytics.figures import correlate, tabulate
from chartly.analytics.question import Band, Bands, Input, Query, Window
from chartly.api.storage.v1.storage_pb2 import OpenSnapshotResponse

INPUTS = (Input("nyc-flights", "dep_delay", "mean"), *(Input("nyc-weather", name) for name in nyc.WEATHER))
MICROSECONDS = Window(1_357_016_400_000_000, 1_388_552_400_000_000)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The bytes of flights.csv and weather.csv."""
    return nyc.files()


@pytest.fixture(scope="module")
def datasets(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    folder = tmp_path_factory.mktemp("lake")
    measures = {"nyc-flights": ("dep_delay",), "nyc-weather": nyc.WEATHER}
    return {profile_id: a_dataset(folder, profile_id, files[profile_id], measures[profile_id]) for profile_id in files}


def a_dataset(folder: Path, profile_id: str, content: bytes, measures: Iterable[str]) -> Dataset:
    """Write a CSV as three Parquet files of different sizes."""
    options = pyarrow.csv.ConvertOptions(null_values=["NA", ""], column_types={"time_hour": pa.timestamp("us", "UTC")})
    table = pyarrow.csv.read_csv(io.BytesIO(content), convert_options=options)
    fields = [
        ("observed_at", "time_hour", "system"),
        ("origin", "origin", "dim"),
        *((m, m, "measure") for m in measures),
    ]
    columns = [table[source] for _, source, _ in fields]
    columns[2:] = [column.cast(pa.float64()) for column in columns[2:]]
    schema = pa.schema(
        [pa.field(name, c.type, metadata={"kind": kind}) for (name, _, kind), c in zip(fields, columns, strict=True)]
    )
    table, uris, start = pa.table(columns, schema=schema), [], 0
    for number, end in enumerate((1000, 20_000, table.num_rows)):
        path = folder / f"{profile_id}-{number}.parquet"
        pq.write_table(table.slice(start, end - start), path)
        uris.append(path.as_uri())
        start = end
    answer = OpenSnapshotResponse(version=1, file_uris=uris, arrow_schema=schema.serialize().to_pybytes())
    return Dataset(profile_id, answer)


@pytest.fixture(scope="module")
def joined(files: dict[str, bytes]) -> nyc.Rows:
    """The origin-hours of the window, with the mean delay and the weather."""
    return nyc.joined(files)


def test_delay_by_rain(datasets: dict[str, Dataset], joined: nyc.Rows) -> None:
    bands = Bands("precip", (Band("dry", at_most=0.0), Band("light rain", below=0.1), Band("heavy rain")))
    query = Query(INPUTS[:2], ("origin", "observed_at"), MICROSECONDS)
    table = tabulate(duckdb.connect(config={"threads": 2}), query, datasets, "mean", bands)
    assert [(row.band, row.count) for row in table.rows] == [
        ("dry", 18_054),
        ("light rain", 1_021),
        ("heavy rain", 251),
    ]
    assert {row.band: (row.count, *row.figures) for row in table.rows} == nyc.delay_by_rain(joined)
    assert [f"{row.figures[0]:.2f}" for row in table.rows] == ["11.43", "29.14", "43.17"]


def test_delay_vs_weather(datasets: dict[str, Dataset], joined: nyc.Rows) -> None:
    query = Query(INPUTS, ("origin", "observed_at"), MICROSECONDS)
    found = correlate(duckdb.connect(config={"threads": 2}), query, datasets)
    names = ("dep_delay", *nyc.WEATHER)
    expected = [nyc.pairs(joined, x, y) for x, y in combinations(names, 2)]
    assert [correlation.count for _, _, correlation in found] == [len(values) for values in expected]
    for (_, _, correlation), values in zip(found, expected, strict=True):
        assert correlation.coefficient == pytest.approx(nyc.pearson(values), rel=1e-12)
    assert len(found) == 15
