"""Parts of a JSON Schema, and how several make one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Schema = dict[str, Any]


def choices(rules: Any, forms: Callable[[Sequence[Any]], list[Any]]) -> list[Schema]:
    """Return what `const`, `in` and `not_in` ask for; `forms` gives the JSON values that stand for values of the rules."""
    parts: list[Schema] = []
    names = {field.name for field in rules.DESCRIPTOR.fields}
    if "const" in names and rules.HasField("const"):
        parts.append({"enum": forms([rules.const])})
    if "in" in names and getattr(rules, "in"):
        parts.append({"enum": forms(list(getattr(rules, "in")))})
    if "not_in" in names and rules.not_in:
        parts.append({"not": {"enum": forms(list(rules.not_in))}})
    return [part if part.get("enum", True) else {"not": {}} for part in parts]


def merge(parts: Sequence[Schema]) -> Schema:
    """Return one schema that asks for all parts; a keyword that stands in two of them goes into `allOf`."""
    merged: Schema = {}
    rest: list[Schema] = []
    for part in parts:
        if any(key in merged and merged[key] != value for key, value in part.items()):
            rest.append(part)
        else:
            merged |= part
    return {**merged, "allOf": [*merged.get("allOf", []), *rest]} if rest else merged


def any_of(parts: list[Schema]) -> Schema:
    """Return a schema that asks for one of the parts."""
    return parts[0] if len(parts) == 1 else {"anyOf": parts}
