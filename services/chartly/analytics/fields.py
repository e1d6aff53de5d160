"""Whether a query fits the columns of its datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chartly.analytics.errors import UnknownField
from chartly.analytics.question import Input, Query

if TYPE_CHECKING:
    import pyarrow as pa
    from chartly.analytics.datasets import Dataset

NUMERIC = ("integer", "number", "decimal")


def type_word(data_type: pa.DataType) -> str:
    """Return the word that a profile has for a type."""
    import pyarrow as pa

    tests = {
        "boolean": pa.types.is_boolean,
        "integer": pa.types.is_integer,
        "number": pa.types.is_floating,
        "decimal": pa.types.is_decimal,
        "timestamp": pa.types.is_timestamp,
        "date": pa.types.is_date,
    }
    return next((word for word, is_type in tests.items() if is_type(data_type)), "string")


def check_fields(query: Query, datasets: Mapping[str, Dataset]) -> None:
    """Check that every dataset has the join's fields and its inputs' measures.

    Raises:
        UnknownField: one is missing, or of a kind or type that cannot be used like that.
    """
    for profile_id in query.profile_ids:
        dims = datasets[profile_id].names_of("dim")
        for name in query.join:
            if name not in (*dims, "observed_at"):
                raise UnknownField(profile_id, name, "is no dim to join on", [*dims, "observed_at"])
    for asked in query.inputs:
        _check_measure(asked, datasets[asked.profile_id])


@dataclass(frozen=True)
class Mismatch:
    """A field of the join whose values cannot match: its type in the first profile, and in another."""

    field: str
    left: str
    profile_id: str
    right: str


def mismatch(query: Query, datasets: Mapping[str, Dataset]) -> Mismatch | None:
    """Return the first field of the join whose types differ, unless both are numeric."""
    first, *others = query.profile_ids
    for other in others:
        for name in query.join:
            left, right = (type_word(datasets[profile_id].schema.field(name).type) for profile_id in (first, other))
            if left != right and not (left in NUMERIC and right in NUMERIC):
                return Mismatch(name, left, other, right)
    return None


def _check_measure(asked: Input, dataset: Dataset) -> None:
    measures = dataset.names_of("measure")
    if asked.measure not in measures:
        raise UnknownField(asked.profile_id, asked.measure, "is no measure", measures)
    word = type_word(dataset.schema.field(asked.measure).type)
    if word not in NUMERIC and asked.statistic != "count":
        numeric = [name for name in measures if type_word(dataset.schema.field(name).type) in NUMERIC]
        raise UnknownField(asked.profile_id, asked.measure, f"is a {word}, which can only be counted", numeric)
