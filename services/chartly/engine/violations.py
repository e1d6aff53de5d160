"""From protovalidate's violations to problems with a place, in words that people understand."""

from __future__ import annotations

import re
from typing import Any

import protovalidate
from chartly.engine.binding import Binding, Path, path_text
from google.protobuf.message import Message

_MAX_SHOWN = 60
_WORDS = {
    "string.pattern": "does not match {rule}",
    "string.in": "is none of {rule}",
    "string.max_len": "has more than {rule} characters",
    "string.min_len": "has fewer than {rule} characters",
    "repeated.max_items": "has more than {rule} items",
    "repeated.unique": "has an item twice",
    "map.max_pairs": "has more than {rule} keys",
}


def check_rules(message: Message, binding: Binding) -> None:
    """Add what the message's rules say against it, but for paths that already have a problem."""
    touched = frozenset(binding.touched)
    for violation in protovalidate.collect_violations(message):
        path = _path(violation.proto.field)
        members = _members_of_oneof(message, path)
        path = path[:-1] if members else path
        text = f"{_name(path)} needs one of {', '.join(members)}" if members else _words(violation, path)
        if not _is_told(path, text, touched) and not (members and _touched_below(path, touched)):
            reason = str(violation.proto.rule_id).upper().replace(".", "_")
            binding.report_at(path, reason, text, key=bool(violation.proto.for_key))


def _is_told(path: Path, message: str, touched: frozenset[Path]) -> bool:
    """Return whether a problem stands at the path, above it, or at one of its fields that the message speaks of."""
    words = re.findall(r"\w+", message)
    above = any(path[:length] in touched for length in range(len(path) + 1))
    return above or any(name in words for name in _touched_below(path, touched))


def _touched_below(path: Path, touched: frozenset[Path]) -> list[str | int]:
    return [other[-1] for other in touched if other and other[:-1] == path]


def _path(field: Any) -> Path:
    steps: list[str | int] = []
    for element in field.elements if field is not None else ():
        steps.append(str(element.field_name))
        if (subscript := element.subscript) is not None:
            steps.append(int(subscript.value) if subscript.field == "index" else str(subscript.value))
    return tuple(steps)


def _members_of_oneof(message: Message, path: Path) -> list[str]:
    """Return the members of the oneof that a path ends in; none where it ends in a field."""
    descriptor, in_map = message.DESCRIPTOR, False
    for step in path:
        if in_map or isinstance(step, int):
            in_map = False
        elif (field := descriptor.fields_by_name.get(step)) is None:
            return [member.name for member in descriptor.oneofs_by_name[step].fields]
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            descriptor, in_map = field.message_type.fields_by_name["value"].message_type or descriptor, True
        else:
            descriptor = field.message_type or descriptor
    return []


def _words(violation: Any, path: Path) -> str:
    rule, message = str(violation.proto.rule_id), str(violation.proto.message)
    if rule == "required":
        return f"{_name(path)} is missing"
    if rule in _WORDS:
        message = _WORDS[rule].format(rule=_rule(violation.rule_value))
        return f"{_name(path)} {_shown(path, violation.field_value)}{message}"
    if message.startswith("must "):
        return f"{_name(path)} {message}, not {violation.field_value}"
    return f"{path_text(path)}: {message}" if path else message


def _rule(value: Any) -> str:
    return ", ".join(str(item) for item in value if item) if isinstance(value, list) else str(value)


def _shown(path: Path, value: Any) -> str:
    """Return a value to show; one that may be a secret is not shown."""
    may_show = isinstance(value, str) and len(value) <= _MAX_SHOWN and "auth" not in path and "headers" not in path
    return f'"{value}" ' if may_show else ""


def _name(path: Path) -> str:
    return path_text(path) or "the document"
