"""From a document to a protobuf message, with every problem at once and the place of each.

The document is protojson in YAML or JSON clothing, with the proto's own snake_case names. It is read into any message:
profiles, and the bodies of reports, share this reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Names
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from chartly.engine.document import Listing, Mapping, Node, Place, Scalar
from chartly.engine.errors import Problem
from chartly.engine.scalars import READERS
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

Path = tuple[str | int, ...]
M = TypeVar("M", bound=Message)

_MAX_EXACT_INTEGER = 2**53
_MAX_NAMES = 16


@dataclass(slots=True)
class Binding:
    """Where each path of a message stands in its document, and what is wrong with it."""

    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    touched: set[Path] = field(default_factory=set)

    def report(self, place: Place, path: Path, reason: str, message: str) -> None:
        """Add a problem at a place; rules that speak of the same path add nothing to it."""
        self.touched.add(path)
        self.problems.append(Problem(place.line, place.column, path_text(path), reason, message))

    def report_at(self, path: Path, reason: str, message: str, *, key: bool = False) -> None:
        """Add a problem at the place of a path, or of the nearest that the document has above it."""
        self.report(self.place_of(path, key=key), path, reason, message)

    def place_of(self, path: Path, *, key: bool = False) -> Place:
        """Return the place of the value (or the key) at a path; of the nearest above it where the document has none."""
        if path in self.values:
            return self.keys.get(path, self.values[path]) if key else self.values[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.keys.get(path, self.values.get(path, Place(1, 1)))


def bind(root: Node, message: Message) -> Binding:
    """Fill an empty message from a document; what does not fit stays unset and is a problem.

    Reasons: UNKNOWN_KEY, WRONG_TYPE, ONE_OF (two members of a oneof), INTEGER_TOO_LARGE.
    """
    binding = Binding()
    binding.values[()] = root.place
    _fill(message, root, (), binding)
    return binding


def path_text(path: Path) -> str:
    """Return a path as people write it: `dims.delay.enum[2]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def unknown_key(key: str, known: Iterable[str]) -> tuple[str, str | None]:
    """Return what to say of a key that is none of the known ones, and the key that was likely meant."""
    names = list(known)
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
    near = get_close_matches(snake, names, n=1)
    if near:
        return f'unknown key "{key}"; did you mean "{near[0]}"?', near[0]
    if 0 < len(names) <= _MAX_NAMES:
        return f'unknown key "{key}"; known here: {", ".join(names)}', None
    return f'unknown key "{key}"', None


def _fill(message: Message, node: Node, path: Path, binding: Binding) -> None:
    if not isinstance(node, Mapping):
        binding.report(node.place, path, "WRONG_TYPE", f"{_name(path)} takes keys and values, not {_kind(node)}")
        return
    fields: Names[str, Any] = message.DESCRIPTOR.fields_by_name
    chosen: dict[str, str] = {}
    for key, entry in node.entries.items():
        here = (*path, key)
        if (descriptor := fields.get(key)) is None:
            text, meant = unknown_key(key, fields)
            binding.report(entry.place, here, "UNKNOWN_KEY", text)
            binding.touched.add((*path, meant) if meant else here)
            continue
        binding.keys[here], binding.values[here] = entry.place, entry.node.place
        if _is_null(entry.node) and not _takes_null(descriptor):
            continue
        if (oneof := descriptor.containing_oneof) and (first := chosen.setdefault(oneof.name, key)) != key:
            binding.report(entry.place, here, "ONE_OF", f'"{key}" and "{first}" exclude each other; keep one')
            continue
        _set_field(message, descriptor, entry.node, here, binding)


def _set_field(message: Message, descriptor: FieldDescriptor, node: Node, path: Path, binding: Binding) -> None:
    if _is_map(descriptor):
        _fill_map(getattr(message, descriptor.name), descriptor, node, path, binding)
    elif descriptor.is_repeated:
        _fill_list(getattr(message, descriptor.name), descriptor, node, path, binding)
    elif descriptor.message_type is not None:
        child = getattr(message, descriptor.name)
        child.SetInParent()
        _fill_message(child, node, path, binding)
    elif (value := _scalar(descriptor, node, path, binding)) is not None:
        setattr(message, descriptor.name, value)


def _fill_map(target: Any, descriptor: FieldDescriptor, node: Node, path: Path, binding: Binding) -> None:
    if not isinstance(node, Mapping):
        binding.report(node.place, path, "WRONG_TYPE", f"{_name(path)} takes keys and values, not {_kind(node)}")
        return
    value_field: Any = descriptor.message_type and descriptor.message_type.fields_by_name["value"]
    for key, entry in node.entries.items():
        here = (*path, key)
        binding.keys[here], binding.values[here] = entry.place, entry.node.place
        if value_field.message_type is not None:
            _fill_message(target[key], entry.node, here, binding)
        elif (value := _scalar(value_field, entry.node, here, binding)) is not None:
            target[key] = value


def _fill_list(target: Any, descriptor: FieldDescriptor, node: Node, path: Path, binding: Binding) -> None:
    if not isinstance(node, Listing):
        binding.report(node.place, path, "WRONG_TYPE", f"{_name(path)} takes a list, not {_kind(node)}")
        return
    for index, item in enumerate(node.items):
        here = (*path, index)
        binding.values[here] = item.place
        if descriptor.message_type is not None:
            _fill_message(target.add(), item, here, binding)
        elif (value := _scalar(descriptor, item, here, binding)) is not None:
            target.append(value)


def _fill_message(target: Message, node: Node, path: Path, binding: Binding) -> None:
    descriptor = target.DESCRIPTOR
    if descriptor.file.package != "google.protobuf":
        _fill(target, node, path, binding)
    elif descriptor.name in _JSON_LIKE:
        _fill_json(target, node, path, binding)
    else:
        _fill_well_known(target, node, path, binding)


_JSON_LIKE = frozenset(("Value", "Struct", "ListValue"))


def _fill_json(target: Message, node: Node, path: Path, binding: Binding) -> None:
    value = _plain(node, path, binding)
    try:
        json_format.ParseDict(value, target)
    except json_format.ParseError:
        wanted = "keys and values" if target.DESCRIPTOR.name == "Struct" else "a list"
        binding.report(node.place, path, "WRONG_TYPE", f"{_name(path)} takes {wanted}, not {_kind(node)}")


def _fill_well_known(target: Message, node: Node, path: Path, binding: Binding) -> None:
    try:
        json_format.ParseDict(_plain(node, path, binding), target)
    except (json_format.ParseError, AttributeError, TypeError, ValueError):
        example = _EXAMPLES.get(target.DESCRIPTOR.name, "")
        binding.report(
            node.place, path, "WRONG_TYPE", f"{_name(path)} takes a {target.DESCRIPTOR.name.lower()}{example}"
        )


_EXAMPLES = {"Timestamp": ", as in 2013-01-01T05:00:00Z", "Duration": ", as in 90s"}


def _plain(node: Node, path: Path, binding: Binding) -> Any:
    """Return a node as JSON values; an integer that a Value would round is a problem."""
    if isinstance(node, Mapping):
        return {key: _plain(entry.node, (*path, key), binding) for key, entry in node.entries.items()}
    if isinstance(node, Listing):
        return [_plain(item, (*path, index), binding) for index, item in enumerate(node.items)]
    value = node.value
    if isinstance(value, int) and abs(value) > _MAX_EXACT_INTEGER:
        message = f'{value} is beyond 2^53 and would be rounded; write it as text: "{value}"'
        binding.report(node.place, path, "INTEGER_TOO_LARGE", message)
        return 0
    return value


def _scalar(descriptor: FieldDescriptor, node: Node, path: Path, binding: Binding) -> Any:
    read, wanted = READERS[descriptor.cpp_type]
    value = read(node, descriptor) if isinstance(node, Scalar) else None
    if value is None:
        message = f"{_name(path)} takes {wanted}, not {_kind(node)}"
        if (
            descriptor.cpp_type == FieldDescriptor.CPPTYPE_STRING
            and isinstance(node, Scalar)
            and node.value is not None
        ):
            message += f'; in quotes it is one: "{node.text}"'
        if descriptor.enum_type is not None:
            message = f"{_name(path)} takes one of {', '.join(value.name for value in descriptor.enum_type.values)}"
        binding.report(node.place, path, "WRONG_TYPE", message)
    return value


def _is_map(descriptor: FieldDescriptor) -> bool:
    return descriptor.message_type is not None and bool(descriptor.message_type.GetOptions().map_entry)


def _takes_null(descriptor: FieldDescriptor) -> bool:
    message = descriptor.message_type
    return message is not None and not descriptor.is_repeated and message.full_name == "google.protobuf.Value"


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _name(path: Path) -> str:
    return path_text(path) or "the document"


def _kind(node: Node) -> str:
    if isinstance(node, Mapping):
        return "keys and values"
    if isinstance(node, Listing):
        return "a list"
    if node.value is None:
        return "null"
    names = {bool: "a truth value", int: "an integer", float: "a number", str: "a text"}
    return names[type(node.value)]
