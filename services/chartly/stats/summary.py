"""Count, sum, mean, variance, minimum and maximum of a column, for all rows or per group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, get_args

from chartly.stats.errors import FigureTooLarge
from chartly.stats.sql import finite_source, quoted
from chartly.stats.sums import Sums, exact_sums

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Statistic = Literal["count", "sum", "mean", "variance", "minimum", "maximum"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
"""The statistics of a column."""

Figures = Sequence[float | int | None]

_LOWEST_SCALE = -1000
_AGGREGATES = {
    "count": 'count("#0")',
    "nonfinite_count": 'count(*) FILTER ("#nonfinite")',
    "minimum": 'min("#0")',
    "maximum": 'max("#0")',
}


@dataclass(frozen=True)
class Summary:
    """Statistics per group. Every sequence has one figure a group, in the order of `keys`.

    Attributes:
        keys: the keys of the groups, in their order; nulls first. Without keys it has no column and there is one group.
        figures: by statistic; integers for `count`, else doubles in the column's unit (squared for `variance`) or None.
        nonfinite_counts: how many values were NaN or infinite, and so left out.
    """

    keys: pa.Table
    figures: Mapping[Statistic, Figures]
    nonfinite_counts: Sequence[int]


def summarise(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    column: str,
    statistics: Sequence[Statistic] = STATISTICS,
    *,
    by: Sequence[str] = (),
) -> Summary:
    """Return statistics of a numeric column, for all rows or per group.

    Args:
        connection: where the source can be read; holds no other open result.
        source: what can stand after FROM; read twice, four times for a variance.
        column: name of a numeric column. Nulls are left out, and so are NaN and infinities, which are counted apart.
        statistics: which to return. `count` is of the finite values; the others are None where it is 0, the variance
            (divisor count - 1) also where it is 1. The sum is the exact one rounded once; the mean is that sum over
            the count.
        by: names of the columns that make a group; null is a value of its own.

    Raises:
        FigureTooLarge: a sum or a variance that was asked for is beyond the doubles.

    The variance takes two passes over centred values, with the correction for the rounded mean (Chan, Golub and
    LeVeque 1983), each group scaled by a power of two of its own so that no square overflows.
    """
    source = finite_source(source, [column], list(by))
    sums = exact_sums(connection, source, ["#0"], by=by, aggregates=_AGGREGATES)
    figures: dict[Statistic, Figures] = {}
    for statistic in statistics:
        try:
            figures[statistic] = _figures(connection, source, by, sums, statistic)
        except OverflowError:
            raise FigureTooLarge(f"the {statistic} of {column} is beyond the largest double", column) from None
    return Summary(sums.keys, figures, sums.aggregates["nonfinite_count"])


def scale_exponent(minimum: float | None, maximum: float | None) -> int:
    """Return e such that values in [minimum, maximum] times 2^-e lie in [-1, 1].

    It is at least -1000, so that 2^-e is a double.
    """
    magnitude = max(abs(minimum or 0.0), abs(maximum or 0.0))
    return max(math.frexp(magnitude)[1], _LOWEST_SCALE)


def _figures(
    connection: duckdb.DuckDBPyConnection, source: str, by: Sequence[str], sums: Sums, statistic: Statistic
) -> Figures:
    match statistic:
        case "sum":
            return [float(total) if count else None for total, count in _totals(sums)]
        case "mean":
            return _means(sums)
        case "variance":
            return _variances(connection, source, by, sums)
        case _:
            return sums.aggregates[statistic]


def _totals(sums: Sums) -> list[tuple[float | Fraction, int]]:
    return list(zip(sums.totals["#0"], sums.aggregates["count"], strict=True))


def _means(sums: Sums) -> list[float | None]:
    return [float(total / count) if count else None for total, count in _totals(sums)]


def _variances(connection: duckdb.DuckDBPyConnection, source: str, by: Sequence[str], sums: Sums) -> list[float | None]:
    ends = list(zip(sums.aggregates["minimum"], sums.aggregates["maximum"], strict=True))
    exponents = [scale_exponent(*pair) for pair in ends]
    connection.register("stats_centres", _centres(sums, exponents))
    try:
        squares = exact_sums(connection, _centred(source, by), ["#d", "#dd"], by=by)
    finally:
        connection.unregister("stats_centres")
    rows = zip(sums.aggregates["count"], ends, squares.totals["#d"], squares.totals["#dd"], exponents, strict=True)
    return [_variance(count, low == high, float(d), float(dd), e) for count, (low, high), d, dd, e in rows]


def _centres(sums: Sums, exponents: list[int]) -> pa.Table:
    import pyarrow as pa

    scales = [2.0**-exponent for exponent in exponents]
    centres = [None if mean is None else mean * scale for mean, scale in zip(_means(sums), scales, strict=True)]
    keys = {name: sums.keys[name] for name in sums.keys.column_names}
    return pa.table({**keys, "#centre": pa.array(centres, pa.float64()), "#scale": pa.array(scales, pa.float64())})


def _centred(source: str, by: Sequence[str]) -> str:
    match = " AND ".join(f"a.{quoted(key)} IS NOT DISTINCT FROM c.{quoted(key)}" for key in by) or "true"
    keys = "".join(f"a.{quoted(key)}, " for key in by)
    centred = f'SELECT {keys}a."#0" * c."#scale" - c."#centre" AS "#d" FROM {source} a JOIN stats_centres c ON {match}'
    return f'(SELECT *, "#d" * "#d" AS "#dd" FROM ({centred}))'


def _variance(count: int, constant: bool, deviations: float, squares: float, exponent: int) -> float | None:
    if count < 2:
        return None
    if constant:
        return 0.0
    scaled = max(0.0, squares - deviations * deviations / count) / (count - 1)
    return math.ldexp(scaled, 2 * exponent)
