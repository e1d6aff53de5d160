"""What changed between two enums: numbers count on the wire, names in JSON."""

from __future__ import annotations

from collections.abc import Iterator

from chartly.contracts.protos.advice import finding
from chartly.contracts.protos.model import Enum
from chartly.contracts.protos.reserved import reserved_changes, reserves_number
from chartly.contracts.report import DESCRIPTION_CHANGED, Finding, Layer
from google.protobuf.descriptor_pb2 import FeatureSet


def enum_changes(old: Enum | None, new: Enum | None) -> Iterator[Finding]:
    """Yield what changed; an enum that only one contract has is told of by the fields that hold it."""
    if old and new:
        yield from _changes(old, new)
    elif old:
        yield finding("ENUM_NO_DELETE", old.name, f"enum {old.name} is gone", Layer.SOURCE, backward=True)
    elif new:
        yield finding("ENUM_ADDED", new.name, f"enum {new.name} is new", Layer.SOURCE)


def _changes(old: Enum, new: Enum) -> Iterator[Finding]:
    yield from _descriptions(old, new)
    yield from reserved_changes("RESERVED_ENUM_NO_DELETE", old, new)
    yield from _kind(old, new)
    for number, names in old.numbers.items():
        if others := new.numbers.get(number):
            yield from _names(old, number, names, others)
        else:
            yield from _removed(old, number, names, new)
    for number, names in new.numbers.items():
        if number not in old.numbers:
            yield from _added(old, number, names[0])


def _kind(old: Enum, new: Enum) -> Iterator[Finding]:
    if old.is_closed != new.is_closed:
        text = "a closed enum is open now" if old.is_closed else "an open enum is closed now"
        yield finding("ENUM_SAME_TYPE", old.name, text, Layer.WIRE, backward=new.is_closed, forward=old.is_closed)
        yield finding("ENUM_SAME_TYPE", old.name, text, Layer.SOURCE, backward=True)
    allow = FeatureSet.ALLOW
    if old.features.json_format == allow != new.features.json_format:
        yield finding(
            "ENUM_SAME_JSON_FORMAT", old.name, "JSON is best effort now", Layer.JSON, backward=True, forward=True
        )


def _removed(old: Enum, number: int, names: tuple[str, ...], new: Enum) -> Iterator[Finding]:
    path, text = f"{old.name}.{names[0]}", f"value {names[0]} = {number} is gone"
    if not reserves_number(new, number):
        yield finding("ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED", path, text, Layer.WIRE, backward=True)
    elif new.is_closed:
        yield finding("ENUM_VALUE_NO_DELETE", path, text, Layer.WIRE, backward=True)
    for name in names:
        if name not in _all_names(new):
            reserved = name in new.proto.reserved_name
            rule = "ENUM_VALUE_NO_DELETE" if reserved else "ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED"
            yield finding(rule, f"{old.name}.{name}", text, Layer.JSON, backward=True)
    yield finding("ENUM_VALUE_NO_DELETE", path, text, Layer.SOURCE, backward=True)


def _names(old: Enum, number: int, names: tuple[str, ...], others: tuple[str, ...]) -> Iterator[Finding]:
    backward, forward = not set(names) <= set(others), others[0] not in names
    if set(names) == set(others) and not forward:
        return
    text = f"the names of {number} were {', '.join(names)} and are {', '.join(others)}"
    path = f"{old.name}.{names[0]}"
    yield finding("ENUM_VALUE_SAME_NAME", path, text, Layer.JSON, backward=backward, forward=forward)
    if backward:
        yield finding("ENUM_VALUE_SAME_NAME", path, text, Layer.SOURCE, backward=True)


def _added(old: Enum, number: int, name: str) -> Iterator[Finding]:
    path, text = f"{old.name}.{name}", f"value {name} = {number} is new"
    if old.is_closed:
        yield finding("ENUM_VALUE_ADDED", path, text, Layer.WIRE, forward=True)
    if name not in _all_names(old):
        yield finding("ENUM_VALUE_ADDED", path, text, Layer.JSON, forward=True)


def _descriptions(old: Enum, new: Enum) -> Iterator[Finding]:
    if old.comment != new.comment:
        yield finding(DESCRIPTION_CHANGED, old.name, "the comment changed", Layer.SOURCE)
    for name, comment in old.comments.items():
        if new.comments.get(name, comment) != comment:
            yield finding(DESCRIPTION_CHANGED, f"{old.name}.{name}", "the comment changed", Layer.SOURCE)


def _all_names(enum: Enum) -> set[str]:
    return {value.name for value in enum.proto.value}
