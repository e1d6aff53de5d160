"""What changed between two JSON Schemas, and what each change means for those who write and those who read.

Backward asks whether every value of the old schema is one of the new, forward the reverse; both are the same question on
`schema_gaps`, which errs to the safe side. A change that neither way breaks is told only if people want to know of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from chartly.contracts.report import DESCRIPTION_CHANGED, Finding, Layer
from chartly.contracts.schemas.cases import Shapes
from chartly.contracts.schemas.document import SchemaDocument, path_of
from chartly.contracts.schemas.gaps import Gap, gaps
from chartly.contracts.schemas.tree import Schema, Steps, children_of

_STRUCTURE = (
    "type",
    "property",
    "additionalProperties",
    "patternProperties",
    "schema",
    "anyOf",
    "oneOf",
    "incomparable",
)

_BACKWARD = {
    "property": "Say additionalProperties: false before a property is added, and never take one out: earlier records may hold "
    "anything under an open name.",
    "required": "Leave the property optional: earlier records may lack it.",
    "additionalProperties": "Leave other names allowed, or list those that earlier records may have.",
    "enum": "Keep every value that earlier records may have, and deprecate it in words.",
    "incomparable": "Leave this part as it is, or save it as another contract: what it asks cannot be compared.",
}
_FORWARD = {
    "property": "Let readers take the new schema first: the old one says something else of this property.",
    "required": "Keep the property required: readers with the old schema rely on it.",
    "enum": "Let readers take the new schema first: the old one knows fewer values.",
    "incomparable": _BACKWARD["incomparable"],
}
_ANY_BACKWARD = "Keep allowing what earlier records may have, or save it as another contract."
_ANY_FORWARD = "Let readers take the new schema first, or keep refusing what the old one refuses."


def compare_schemas(old: SchemaDocument, new: SchemaDocument) -> tuple[Finding, ...]:
    """Return each change between two JSON Schemas, in the order of its path.

    Where a finding breaks neither way, every value of one is a value of the other.
    """
    changes: dict[tuple[str, str], tuple[Gap, bool, bool]] = {}
    shapes: Shapes = {}
    for gap in gaps(old.root, new.root, shapes):
        changes.setdefault((gap.path, gap.keyword), (gap, gap.breaks, False))
    for gap in gaps(new.root, old.root, shapes):
        swapped = Gap(gap.keyword, gap.path, gap.second, gap.first, gap.breaks)
        first, backward, forward = changes.get((gap.path, gap.keyword), (swapped, False, False))
        changes[gap.path, gap.keyword] = (first, backward, forward or gap.breaks)
    findings = [_finding(*change) for change in changes.values()]
    return tuple(sorted([*findings, *_described(old, new)], key=lambda each: (each.path, each.rule)))


def implies(first: SchemaDocument, second: SchemaDocument) -> tuple[Gap, ...]:
    """Return why a value of the first schema may be none of the second; empty if every one is."""
    return tuple(gap for gap in gaps(first.root, second.root) if gap.breaks)


def _finding(gap: Gap, backward: bool, forward: bool) -> Finding:
    back = _BACKWARD.get(gap.keyword, _ANY_BACKWARD) if backward else ""
    fore = _FORWARD.get(gap.keyword, _ANY_FORWARD) if forward else ""
    return Finding(
        Layer.JSON if gap.keyword in _STRUCTURE else Layer.RULES,
        _rule(gap, backward, forward),
        gap.path,
        _message(gap),
        back or fore,
        breaks_backward=backward,
        breaks_forward=forward,
    )


def _rule(gap: Gap, backward: bool, forward: bool) -> str:
    if gap.keyword == "incomparable":
        return "SCHEMA_INCOMPARABLE"
    if not gap.first:
        change = "ADDED"
    elif not gap.second:
        change = "REMOVED"
    else:
        change = "CHANGED" if backward == forward else "NARROWED" if backward else "WIDENED"
    return f"{_snake(gap.keyword)}_{change}"


def _snake(keyword: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in keyword).upper()


def _message(gap: Gap) -> str:
    name = "values" if gap.keyword == "enum" else gap.keyword
    if gap.keyword == "property":
        return f"property {gap.first or gap.second} is {'gone' if gap.first else 'new'}"
    if not gap.first:
        return f"{name} {gap.second} is new"
    if not gap.second:
        return f"{name} {gap.first} is gone"
    if gap.first == gap.second:
        return f"{name} takes other values"
    return f"{name} was {gap.first}, now {gap.second}"


def _described(old: SchemaDocument, new: SchemaDocument) -> Iterator[Finding]:
    waiting: list[tuple[Steps, Schema, Schema]] = [((), old.value, new.value)]
    while waiting:
        steps, was, now = waiting.pop()
        if was == now or isinstance(was, bool) or isinstance(now, bool):
            continue
        for word in ("title", "description"):
            if was.get(word) != now.get(word):
                yield Finding(Layer.JSON, DESCRIPTION_CHANGED, path_of((*steps, word)), f"{word} changed")
        before = {child.steps: child.schema for child in children_of(was, old.dialect)}
        waiting += [
            ((*steps, *child.steps), before[child.steps], child.schema)
            for child in children_of(now, new.dialect)
            if child.steps in before
        ]
