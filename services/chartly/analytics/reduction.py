"""The rows of a dataset, and how they become one value a join key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chartly.analytics.errors import SeveralRowsPerKey, StatisticUndefined
from chartly.analytics.fields import NUMERIC, type_word
from chartly.analytics.question import Input, Query, Window
from chartly.stats.errors import StatisticError
from chartly.stats.sql import quoted
from chartly.stats.summary import Statistic, summarise

if TYPE_CHECKING:
    import duckdb
    from chartly.analytics.datasets import Dataset

_EXAMPLES = 2


class Rows:
    """The rows of a dataset in the window that have every field of the join, as a view on its files.

    The view has the columns `#key0`, `#key1` and so on, and one of doubles for each input of the dataset, called as in
    `Query.columns`; no field has a `#` in its name.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, query: Query, dataset: Dataset) -> None:
        number = query.profile_ids.index(dataset.profile_id)
        self.profile_id = dataset.profile_id
        self.keys = [f"#key{place}" for place in range(len(query.join))]
        self.view = f"rows{number}"
        self._connection = connection
        named = zip(query.columns, query.inputs, strict=True)
        self._inputs = {name: asked for name, asked in named if asked.profile_id == self.profile_id}
        keys = [f"{quoted(name)} AS {quoted(key)}" for name, key in zip(query.join, self.keys, strict=True)]
        values = [f"{_double(asked, dataset)} AS {quoted(name)}" for name, asked in self._inputs.items()]
        conditions = [f"{quoted(name)} IS NOT NULL" for name in query.join] + _conditions(query.window)
        connection.execute(
            f"CREATE TEMP VIEW {self.view} AS SELECT {', '.join(keys + values)} "
            f"FROM {dataset.source(connection, f'schema{number}')} WHERE {' AND '.join(conditions)}"
        )

    def reduced(self) -> list[str]:
        """Return the names of tables with one row a key that together hold the values of all inputs.

        Raises:
            SeveralRowsPerKey: an input without a statistic has several rows for a key.
            StatisticUndefined: a sum is beyond the doubles.
        """
        plain = [name for name, asked in self._inputs.items() if asked.statistic is None]
        tables = [self._summarised(name, asked.statistic) for name, asked in self._inputs.items() if asked.statistic]
        return tables + ([self._plain(plain)] if plain else [])

    @property
    def key_list(self) -> str:
        """The keys' columns, as SQL."""
        return ", ".join(map(quoted, self.keys))

    def key_count(self) -> int:
        """Return the number of different keys."""
        return self._count(f"(SELECT DISTINCT {self.key_list} FROM {self.view})")

    def first_keys(self, source: str = "", count: int = 1) -> list[str]:
        """Return the first keys, in order, as people read them."""
        query = f"SELECT DISTINCT {self.key_list} FROM {source or self.view} ORDER BY ALL LIMIT {count}"
        rows = self._connection.sql(query).to_arrow_table().to_pylist()
        return [f"({', '.join(_text(value) for value in row.values())})" for row in rows]

    def matches(self, other: Rows) -> bool:
        """Return whether both have a key in common."""
        query = f"SELECT 1 FROM {self.view} JOIN {other.view} USING ({self.key_list}) LIMIT 1"
        return bool(self._connection.sql(query).fetchall())

    def _summarised(self, name: str, statistic: Statistic) -> str:
        import pyarrow as pa

        try:
            found = summarise(self._connection, self.view, name, [statistic], by=self.keys)
        except StatisticError as error:
            raise StatisticUndefined(error) from None
        values = {name: pa.array(found.figures[statistic], pa.float64())}
        table = f"{self.view} {name}"
        self._connection.register(table, pa.table({**{key: found.keys[key] for key in self.keys}, **values}))
        return quoted(table)

    def _plain(self, names: Sequence[str]) -> str:
        table = f"plain_{self.view}"
        columns = ", ".join([self.key_list, *map(quoted, names)])
        self._connection.execute(f"CREATE TEMP TABLE {table} AS SELECT {columns} FROM {self.view}")
        repeated = f"(SELECT {self.key_list} FROM {table} GROUP BY {self.key_list} HAVING count(*) > 1)"
        if count := self._count(repeated):
            measure, examples = self._inputs[names[0]].measure, self.first_keys(repeated, _EXAMPLES)
            raise SeveralRowsPerKey(self.profile_id, measure, keys=count, examples=examples)
        return table

    def _count(self, source: str) -> int:
        [[count]] = self._connection.sql(f"SELECT count(*) FROM {source}").fetchall()
        return int(count)


def _double(asked: Input, dataset: Dataset) -> str:
    name = quoted(asked.measure)
    if type_word(dataset.schema.field(asked.measure).type) in NUMERIC:
        return f"CAST({name} AS DOUBLE)"
    return f"CASE WHEN {name} IS NOT NULL THEN 1.0::DOUBLE END"  # What is no number can only be counted.


def _conditions(window: Window) -> list[str]:
    bounds = (">=", window.start), ("<", window.end)
    return [f"observed_at {sign} make_timestamptz({bound})" for sign, bound in bounds if bound is not None]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
