"""JSON Schema 2020-12 of protobuf messages: what canonical protojson with the names of the proto may look like.

A schema never rejects a valid message as `json_format` prints it with `preserving_proto_field_name`, and rejects what
breaks a `buf.validate` rule that JSON Schema can say. A rule that it cannot say stands as `x-protovalidate` where it
belongs: a CEL expression with its id and message, or the rule's name and value. Names in camelCase, enum values by number
and other spellings that protojson reads too are not canonical; integers of 64 bits may be numbers, as people write them
in YAML. Extensions of proto2 are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chartly.contracts.messages.fields import UNCHECKED, Fields
from chartly.contracts.messages.presence import has_two_zeros, nonzero
from chartly.contracts.messages.rules_parts import Schema, merge
from chartly.contracts.messages.source import Source
from chartly.contracts.messages.types import WELL_KNOWN

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BASE = "https://chartly.dev/contracts/"
_DEFS = "#/$defs/"


class Schemas:
    """The JSON Schemas of the messages of a descriptor set.

    Args:
        descriptors: a serialized FileDescriptorSet with all imports; with source info its comments become descriptions.
        ref: what a `$ref` puts before the full name of a definition.
    """

    def __init__(self, descriptors: bytes, *, ref: str = _DEFS) -> None:
        self._source = Source(descriptors)
        self._fields = Fields(self._source, ref)
        self._ref = ref

    @property
    def names(self) -> list[str]:
        """Full names of all messages, nested ones too, but of those of google.protobuf, google.* and buf.*, sorted."""
        return self._source.own_messages

    def bundle(self, name: str) -> Schema:
        """Return the schema of a message as a document of its own, with all that it refers to in `$defs`."""
        root = self.definition(name)
        defs = {found: self.definition(found) for found in self.needed(root) if found != name}
        whole = {"$schema": DIALECT, "$id": f"{_BASE}{name}.schema.json", **root}
        bundled: Schema = _renamed({**whole, "$defs": defs} if defs else whole, {self._ref + name: "#"})
        return bundled

    def needed(self, *schemas: Schema) -> list[str]:
        """Return the names of all definitions that these schemas lead to, sorted."""
        found: set[str] = set()
        ahead = [name for schema in schemas for name in self._references(schema)]
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.add(name)
                ahead += self._references(self.definition(name))
        return sorted(found)

    def definition(self, name: str) -> Schema:
        """Return the schema of a message, an enum or a scalar by the name that a `$ref` has.

        Raises:
            KeyError: the descriptors have no such message or enum.
        """
        if name in WELL_KNOWN:
            return dict(WELL_KNOWN[name])
        is_checked = not name.endswith(UNCHECKED)
        full_name = name.removesuffix(UNCHECKED)
        enum = self._source.enum(full_name)
        return self._fields.enum(enum) if enum is not None else self._message(full_name, is_checked=is_checked)

    def _message(self, full_name: str, *, is_checked: bool) -> Schema:
        message = self._source.message(full_name)
        rules = self._source.message_rules(message)
        together = {name for group in rules.oneof for name in group.fields} if is_checked else set()
        properties: dict[str, Schema] = {}
        required = []
        for field in message.fields:
            properties[field.name], is_required = self._fields.field(
                field, is_checked, ignores_zero=field.name in together
            )
            required += [field.name] * is_required
        schema: Schema = {"title": message.name}
        if description := self._source.comment(full_name):
            schema["description"] = description
        schema |= {"type": "object", "properties": properties, "additionalProperties": False}
        schema |= {"required": required} if required else {}
        parts = [*self._oneofs(message, is_checked=is_checked), *(self._groups(message, rules) if is_checked else ())]
        notes = [*self._fields.cel(rules), *_group_notes(message, rules)] if is_checked else []
        return merge([schema, *parts]) | ({"x-protovalidate": notes} if notes else {})

    def _oneofs(self, message: Any, *, is_checked: bool) -> Iterator[Schema]:
        for oneof in self._source.oneofs(message):
            set_one = [{"required": [field.name]} for field in oneof.fields]
            is_required = is_checked and self._source.oneof_rules(oneof).required
            yield from _at_most_one(set_one, is_required=is_required)

    def _groups(self, message: Any, rules: Any) -> Iterator[Schema]:
        for group in rules.oneof:
            fields = [message.fields_by_name[name] for name in group.fields]
            if any(map(has_two_zeros, fields)):
                yield from _at_most_one([_is_set(field, zero_counts=False) for field in fields], is_required=False)
                yield from [{"anyOf": [_is_set(field) for field in fields]}] * group.required
            else:
                yield from _at_most_one([_is_set(field) for field in fields], is_required=group.required)

    def _references(self, schema: Any) -> Iterator[str]:
        if isinstance(schema, Mapping):
            if isinstance(schema.get("$ref"), str):
                yield schema["$ref"].removeprefix(self._ref)
            for value in schema.values():
                yield from self._references(value)
        elif isinstance(schema, list):
            for value in schema:
                yield from self._references(value)


def _is_set(field: Any, *, zero_counts: bool = True) -> Schema:
    there: Schema = {"required": [field.name]}
    if has_two_zeros(field) and not zero_counts:
        return {**there, "properties": {field.name: {"not": {"const": 0}}}}
    return (
        there if field.has_presence or has_two_zeros(field) else {**there, "properties": {field.name: nonzero(field)}}
    )


def _group_notes(message: Any, rules: Any) -> Iterator[Schema]:
    for group in rules.oneof:
        if any(has_two_zeros(message.fields_by_name[name]) for name in group.fields):
            yield {"rule": "message.oneof", "value": list(group.fields)}


def _at_most_one(set_one: list[Schema], *, is_required: bool) -> Iterator[Schema]:
    if is_required:
        yield set_one[0] if len(set_one) == 1 else {"oneOf": set_one}
    elif len(set_one) > 1:
        yield {"oneOf": [*set_one, {"not": {"anyOf": set_one}}]}


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, list):
        return [_renamed(value, names) for value in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: names.get(value, value) if key == "$ref" and isinstance(value, str) else _renamed(value, names)
        for key, value in schema.items()
    }
