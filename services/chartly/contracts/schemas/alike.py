"""Whether two JSON Schemas say the same in the same words, whatever their descriptions are and wherever their parts stand."""

from __future__ import annotations

from chartly.contracts.schemas.shape import Parts, identity
from chartly.contracts.schemas.tree import ANNOTATIONS, REFERENCE_KEYWORDS, SUBSCHEMAS, Located


def all_alike(first: Parts, second: Parts) -> bool:
    """Return whether schemas are alike, one by one."""
    return len(first) == len(second) and all(map(alike, first, second))


def alike(first: Located, second: Located) -> bool:
    """Return whether two schemas are the same but for annotations and the places that their references lead to.

    A dynamic reference has no place of its own, so what has one is like nothing.
    """
    waiting, seen = [(first, second)], set()
    while waiting:
        one, other = waiting.pop()
        if (pair := (id(one.schema), id(other.schema))) in seen and isinstance(one.schema, dict):
            continue
        seen.add(pair)
        if isinstance(one.schema, bool) or isinstance(other.schema, bool):
            if one.schema is not other.schema:
                return False
            continue
        below = [
            {child.steps: at.down(child.schema) for child in at.children() if child.reach != "aside"}
            for at in (one, other)
        ]
        if below[0].keys() != below[1].keys() or _own(one) != _own(other):
            return False
        waiting += [(below[0][steps], below[1][steps]) for steps in below[0]]
        if "$ref" in one.schema:
            waiting.append((one.target(one.schema["$ref"]), other.target(other.schema["$ref"])))
    return True


def _own(at: Located) -> object:
    """Return what a schema says itself, beside its subschemas; of a map that may hold lists too, the lists."""
    assert isinstance(at.schema, dict)
    own = {name: value for name, value in at.schema.items() if name not in (*SUBSCHEMAS, *ANNOTATIONS)}
    lists = {name: value for name, value in at.schema.get("dependencies", {}).items() if isinstance(value, list)}
    dynamic = id(at) if at.schema.keys() & set(REFERENCE_KEYWORDS[1:]) else 0
    return (
        identity({name: value for name, value in own.items() if name != "$ref"}),
        identity(lists),
        "$ref" in own,
        dynamic,
    )
