"""Rules of Any, Duration, FieldMask and Timestamp as JSON Schema, which knows no order among instants or durations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chartly.contracts.messages.rules_parts import Schema, choices
from chartly.contracts.messages.rules_patterns import literal

Rules = tuple[list[Schema], list[str]]
_IN_TIME = ("lt", "lte", "gt", "gte", "lt_now", "gt_now", "within", "not_in")


def message_rules(kind: str, rules: Any) -> Rules:
    """Return the parts that the schema of a well-known type needs, and the names of the rules that they do not say in full."""
    return _RULES[kind](rules) if kind in _RULES else ([], [])


def _any(rules: Any) -> Rules:
    parts = [{"properties": {"@type": part}} for part in choices(rules, list)]
    needed: list[Schema] = [{"required": ["@type"]}] if getattr(rules, "in") and "" not in getattr(rules, "in") else []
    return [*parts, *needed], []


def _in_time(rules: Any) -> Rules:
    """Other decimals can write the same value, so `not_in` is not said in full."""
    set_names = {field.name for field, _ in rules.ListFields()}
    return choices(rules, _texts), [name for name in _IN_TIME if name in set_names]


def _texts(values: Sequence[Any]) -> list[str]:
    return [value.ToJsonString() for value in values]


def _field_mask(rules: Any) -> Rules:
    parts: list[Schema] = []
    if rules.HasField("const"):
        parts.append({"const": rules.const.ToJsonString()})
    if getattr(rules, "in"):
        path = rf"(?:{'|'.join(_paths(getattr(rules, 'in')))})(?:\.[^,]*)?"
        parts.append({"pattern": f"^(?:{path}(?:,{path})*)?$"})
    if rules.not_in:
        parts.append({"not": {"pattern": rf"(?:^|,)(?:{'|'.join(_paths(rules.not_in))})(?:[.,]|$)"}})
    return parts, []


def _paths(paths: Sequence[str]) -> list[str]:
    return [literal(_camel(path)) for path in paths]


def _camel(path: str) -> str:
    first, *others = path.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in others)


_RULES: dict[str, Callable[[Any], Rules]] = {
    "any": _any,
    "duration": _in_time,
    "field_mask": _field_mask,
    "timestamp": _in_time,
}
