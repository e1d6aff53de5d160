"""The join: the keys that all inputs have become rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chartly.analytics.errors import JoinEmpty
from chartly.analytics.fields import Mismatch, check_fields, mismatch
from chartly.analytics.question import Query
from chartly.analytics.reduction import Rows
from chartly.stats.sql import quoted

if TYPE_CHECKING:
    import duckdb
    from chartly.analytics.datasets import Dataset

JOINED = "joined"
"""The table of joined rows; its columns are `Query.columns`, null where an input has no value."""


def join(connection: duckdb.DuckDBPyConnection, query: Query, datasets: Mapping[str, Dataset]) -> None:
    """Make the table of joined rows.

    Raises:
        UnknownField: a dataset lacks a field.
        SeveralRowsPerKey: an input without a statistic has several rows for a key.
        JoinEmpty: no key is in all inputs.
        StatisticUndefined: a sum of an input is beyond the doubles.
    """
    check_fields(query, datasets)
    rows = [Rows(connection, query, datasets[profile_id]) for profile_id in query.profile_ids]
    if found := mismatch(query, datasets):
        raise _types_differ(found, rows)
    tables = [table for each in rows for table in each.reduced()]
    joined = tables[0] + "".join(f" JOIN {table} USING ({rows[0].key_list})" for table in tables[1:])
    values = ", ".join(map(quoted, query.columns))
    connection.execute(f"CREATE TEMP TABLE {JOINED} AS SELECT {values} FROM {joined}")
    if len(rows) > 1 and not connection.sql(f"SELECT 1 FROM {JOINED} LIMIT 1").fetchall():
        raise _nothing_matches(query, rows)


def _types_differ(found: Mismatch, rows: Sequence[Rows]) -> JoinEmpty:
    left, right = rows[0], next(each for each in rows if each.profile_id == found.profile_id)
    wrong, wanted = (left, found.right) if found.left == "string" else (right, found.left)
    words = {"string": "text"}
    left_word, right_word = (words.get(word, word) for word in (found.left, found.right))
    cause = (
        f"{found.field} is {'an' if left_word[0] in 'aeiou' else 'a'} {left_word} on the left, {right_word} on the right. "
        f"Declare it in {wrong.profile_id}: {{type: {wanted}}}"
    )
    return JoinEmpty(cause, left_keys=left.key_count(), right_keys=right.key_count())


def _nothing_matches(query: Query, rows: Sequence[Rows]) -> JoinEmpty:
    left, *others = rows
    right = next((other for other in others if not left.matches(other)), None)
    if right is None:
        cause, right = f"No key is in all of {', '.join(query.profile_ids)}.", others[0]
    elif empty := next((each for each in (left, right) if not each.key_count()), None):
        cause = f"{empty.profile_id} has no row with {' and '.join(query.join)} in the window."
    else:
        first = f"{left.profile_id} begins with {left.first_keys()[0]}, {right.profile_id} with {right.first_keys()[0]}"
        cause = f"No {' and '.join(query.join)} is in both: {first}."
    return JoinEmpty(cause, left_keys=left.key_count(), right_keys=right.key_count())
