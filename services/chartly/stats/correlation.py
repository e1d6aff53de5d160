"""Pearson's correlation of two columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chartly.stats.errors import ConstantColumn, TooFewRows
from chartly.stats.sql import finite_source, literal
from chartly.stats.summary import scale_exponent
from chartly.stats.sums import exact_sums

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Correlation:
    """A coefficient and what it rests on.

    Attributes:
        coefficient: Pearson's r, in [-1, 1] and dimensionless.
        count: rows that have both values.
    """

    coefficient: float
    count: int


_ENDS = {"count": "count(*)", "low0": 'min("#0")', "high0": 'max("#0")', "low1": 'min("#1")', "high1": 'max("#1")'}
_PRODUCTS = '"#a" * "#a" AS "#aa", "#b" * "#b" AS "#bb", "#a" * "#b" AS "#ab"'


def pearson(connection: duckdb.DuckDBPyConnection, source: str, x: str, y: str) -> Correlation:
    """Return Pearson's correlation of two numeric columns over the rows in which both are finite.

    Args:
        connection: where the source can be read; holds no other open result.
        source: what can stand after FROM; read four times.
        x: name of a column, in any unit; null, NaN and infinities mark a missing observation.
        y: likewise.

    Raises:
        TooFewRows: fewer than two rows have both values.
        ConstantColumn: a column does not vary, so its correlation is undefined.

    Two passes over centred columns with the correction for rounded means (Chan, Golub and LeVeque 1983), on exact
    sums, each column scaled by a power of two.
    """
    pairs = f'(SELECT * FROM {finite_source(source, [x, y], [])} WHERE "#0" IS NOT NULL AND "#1" IS NOT NULL)'
    sums = exact_sums(connection, pairs, ["#0", "#1"], aggregates=_ENDS)
    ends = {name: values[0] for name, values in sums.aggregates.items()}
    count: int = ends["count"]
    if count < 2:
        raise TooFewRows(f"{count} rows have both {x} and {y}; a correlation needs 2", x)
    centred = []
    for i, (name, short) in enumerate(((x, "a"), (y, "b"))):
        low, high = ends[f"low{i}"], ends[f"high{i}"]
        if low == high:
            problem = f"{name} is {low!r} in all {count} rows that have both values, so its correlation is undefined"
            raise ConstantColumn(problem, name)
        scale = 2.0 ** -scale_exponent(low, high)
        centre = float(sums.totals[f"#{i}"][0] / count) * scale
        centred.append(f'"#{i}" * {literal(scale)} - {literal(centre)} AS "#{short}"')
    products = f"(SELECT *, {_PRODUCTS} FROM (SELECT {', '.join(centred)} FROM {pairs}))"
    moments = exact_sums(connection, products, ["#a", "#b", "#aa", "#bb", "#ab"]).totals
    return Correlation(
        _coefficient(count, {name.lstrip("#"): float(total) for name, [total] in moments.items()}), count
    )


def _coefficient(count: int, moments: dict[str, float]) -> float:
    aa, bb, ab = (moments[f"{p}{q}"] - moments[p] * moments[q] / count for p, q in ("aa", "bb", "ab"))
    return max(-1.0, min(1.0, ab / math.sqrt(aa * bb)))
