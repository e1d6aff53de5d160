"""Exact sums of columns, for all rows or per group, as SQL on DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from chartly.stats.folds import Folds
from chartly.stats.sql import quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@dataclass(frozen=True)
class Sums:
    """Exact sums per group, with what plain SQL aggregates found beside them.

    Every list has one value a group, in the order of `keys`.

    Attributes:
        keys: the keys of the groups, in their order; nulls first. Without keys it has no column.
        totals: by column, its sums; a fraction where a sum is beyond the doubles; 0 where the column is all null.
        aggregates: by name, what the aggregate found.
    """

    keys: pa.Table
    totals: Mapping[str, list[float | Fraction]]
    aggregates: Mapping[str, list[Any]]


def exact_sums(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: Sequence[str],
    *,
    by: Sequence[str] = (),
    aggregates: Mapping[str, str] | None = None,
) -> Sums:
    """Sum columns of a source exactly, reading it twice: for the magnitudes, and for the sums.

    Args:
        connection: where the source can be read; holds no other open result.
        source: what can stand after FROM.
        columns: names of DOUBLE columns, finite or null.
        by: names of the columns that make a group; null is a value of its own. One group of all rows without them.
        aggregates: further SQL aggregates to take on the way, by name.
    """
    plans = _plans(connection, source, columns)
    folds: dict[str, list[str]] = {}
    for column, plan in plans.items():
        source, folds[column] = plan.query(source, column)
    found = dict(aggregates or {}) | {name: f"sum({quoted(name)})" for names in folds.values() for name in names}
    table = connection.sql(_grouped(source, by, found)).to_arrow_table()
    values = {name: table[f"#{name}"].to_pylist() for name in found}
    totals = {
        column: _totals(plan, [values[name] for name in folds[column]], table.num_rows)
        for column, plan in plans.items()
    }
    return Sums(table.select(list(by)), totals, {name: values[name] for name in aggregates or {}})


def _plans(connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[str]) -> dict[str, Folds]:
    names = [quoted(column) for column in columns]
    magnitudes = [f"count({name}), max(abs({name})), min(abs({name})) FILTER ({name} <> 0)" for name in names]
    [row] = connection.sql(f"SELECT {', '.join(magnitudes)} FROM {source}").fetchall()
    return {column: Folds.plan(*row[3 * i : 3 * i + 3]) for i, column in enumerate(columns)}


def _grouped(source: str, by: Sequence[str], aggregates: Mapping[str, str]) -> str:
    keys = [quoted(key) for key in by]
    selected = keys + [f"{sql} AS {quoted(f'#{name}')}" for name, sql in aggregates.items()] + ['count(*) AS "#rows"']
    query = f"SELECT {', '.join(selected)} FROM {source}"
    return (
        f"{query} GROUP BY {', '.join(keys)} ORDER BY {', '.join(f'{key} NULLS FIRST' for key in keys)}"
        if keys
        else query
    )


def _totals(plan: Folds, sums: list[list[float | None]], count: int) -> list[float | Fraction]:
    return [plan.total(parts) for parts in zip(*sums, strict=True)] if sums else [0.0] * count
