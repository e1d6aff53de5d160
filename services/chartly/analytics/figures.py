"""Tables and correlations of joined rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chartly.analytics.errors import StatisticUndefined
from chartly.analytics.joining import JOINED, join
from chartly.analytics.question import Bands, Query
from chartly.stats.correlation import Correlation, pearson
from chartly.stats.errors import StatisticError
from chartly.stats.sql import literal, quoted
from chartly.stats.summary import Statistic, summarise

if TYPE_CHECKING:
    import duckdb
    from chartly.analytics.datasets import Dataset

_BAND = "#band"


@dataclass(frozen=True)
class Row:
    """A row of a table: the band's label (empty without bands), how many joined rows it is of, and a figure an input."""

    band: str
    count: int
    figures: Sequence[float | None]


@dataclass(frozen=True)
class Table:
    """A table: the names of its columns, and its rows in the order of the bands."""

    columns: Sequence[str]
    rows: Sequence[Row]


def tabulate(
    connection: duckdb.DuckDBPyConnection,
    query: Query,
    datasets: Mapping[str, Dataset],
    statistic: Statistic,
    bands: Bands | None,
) -> Table:
    """Return a statistic of each input over the joined rows in which every input has a value, for each band.

    Raises:
        InvalidField: not exactly one input has the banded measure.
        StatisticUndefined: a figure is beyond the doubles.
        UnknownField, SeveralRowsPerKey, JoinEmpty: as in `join`.
    """
    banded = query.place_of(bands) if bands else None
    places = [place for place in range(len(query.inputs)) if place != banded]
    join(connection, query, datasets)
    source = _complete_rows(query, _band_number(query.columns[banded], bands) if bands and banded is not None else "0")
    counts = _by_band(connection, source, _BAND, "count")
    figures = [_by_band(connection, source, query.columns[place], statistic) for place in places]
    labels = [band.label for band in bands.bounds] if bands else [""]
    rows = [
        Row(label, int(counts.get(number) or 0), [column.get(number) for column in figures])
        for number, label in enumerate(labels)
    ]
    fixed = ("band", "count") if bands else ("count",)
    names = query.named(*fixed)
    return Table([*fixed, *(names[place] for place in places)], rows)


def correlate(
    connection: duckdb.DuckDBPyConnection, query: Query, datasets: Mapping[str, Dataset]
) -> list[tuple[int, int, Correlation]]:
    """Return Pearson's correlation of each pair of inputs, named by their places, over the rows that have both values.

    Raises:
        InvalidField: there are fewer than two inputs.
        StatisticUndefined: fewer than two rows have both values, or an input does not vary in them.
        UnknownField, SeveralRowsPerKey, JoinEmpty: as in `join`.
    """
    pairs = list(query.pairs())
    join(connection, query, datasets)
    names = query.columns
    return [(left, right, _pearson(connection, names[left], names[right])) for left, right in pairs]


def _complete_rows(query: Query, band: str) -> str:
    columns = [quoted(name) for name in query.columns]
    complete = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    rows = f"SELECT {band} AS {quoted(_BAND)}, {', '.join(columns)} FROM {JOINED} WHERE {complete}"
    return f"(FROM ({rows}) WHERE {quoted(_BAND)} IS NOT NULL)"


def _band_number(column: str, bands: Bands) -> str:
    cases = ""
    for number, band in enumerate(bands.bounds):
        condition = "true"
        if band.at_most is not None:
            condition = f"{quoted(column)} <= {literal(band.at_most)}"
        elif band.below is not None:
            condition = f"{quoted(column)} < {literal(band.below)}"
        cases += f" WHEN {condition} THEN {number}"
    return f"CASE{cases} END"


def _by_band(
    connection: duckdb.DuckDBPyConnection, source: str, column: str, statistic: Statistic
) -> dict[int, float | int | None]:
    try:
        found = summarise(connection, source, column, [statistic], by=[_BAND])
    except StatisticError as error:
        raise StatisticUndefined(error) from None
    return dict(zip(found.keys[_BAND].to_pylist(), found.figures[statistic], strict=True))


def _pearson(connection: duckdb.DuckDBPyConnection, x: str, y: str) -> Correlation:
    try:
        return pearson(connection, JOINED, x, y)
    except StatisticError as error:
        raise StatisticUndefined(error) from None
