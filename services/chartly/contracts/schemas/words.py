"""What a schema asks, in a few words."""

from __future__ import annotations

import json
from typing import Any

from chartly.contracts.schemas.shape import TYPES, Limit, Shape


def joined(path: str, step: str) -> str:
    """Return a path with one more step."""
    return f"{path}.{step}" if path else step


def type_words(types: frozenset[str]) -> str:
    """Return types as JSON Schema names them; empty for all."""
    if types == TYPES:
        return ""
    names = {"number" if kind == "fraction" else kind for kind in types}
    return ", ".join(sorted(names - {"integer"} if "fraction" in types else names))


def limit_words(limit: Limit | None) -> str:
    """Return a limit; empty for none."""
    return "" if limit is None else f"{limit[0]}{' exclusive' if limit[1] else ''}"


def value_words(values: dict[Any, Any] | None) -> str:
    """Return enumerated values as JSON; empty for any."""
    return "" if values is None else ", ".join(json.dumps(value, ensure_ascii=False) for value in values.values())


def words_of(shape: Shape) -> str:
    """Return what a shape takes."""
    return value_words(shape.values) or type_words(shape.types) or "any value"
