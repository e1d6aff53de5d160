"""Descriptors as comparisons need them: by full name and number, with the features of every syntax and edition resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from chartly.contracts.protos.files import is_common
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FeatureSet,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

_EDITIONS = FeatureSet(
    field_presence=FeatureSet.EXPLICIT,
    enum_type=FeatureSet.OPEN,
    repeated_field_encoding=FeatureSet.PACKED,
    utf8_validation=FeatureSet.VERIFY,
    message_encoding=FeatureSet.LENGTH_PREFIXED,
    json_format=FeatureSet.ALLOW,
)
_PROTO3 = FeatureSet()
_PROTO3.CopyFrom(_EDITIONS)
_PROTO3.field_presence = FeatureSet.IMPLICIT
_PROTO2 = FeatureSet(
    field_presence=FeatureSet.EXPLICIT,
    enum_type=FeatureSet.CLOSED,
    repeated_field_encoding=FeatureSet.EXPANDED,
    utf8_validation=FeatureSet.NONE,
    message_encoding=FeatureSet.LENGTH_PREFIXED,
    json_format=FeatureSet.LEGACY_BEST_EFFORT,
)
_DEFAULTS = {"": _PROTO2, "proto2": _PROTO2, "proto3": _PROTO3}

Name = TypeVar("Name")

MESSAGE_TYPES = (FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_GROUP)


@dataclass(frozen=True)
class Field:
    """A field or an extension; `oneof` is empty for one that stands alone."""

    name: str
    proto: FieldDescriptorProto
    features: FeatureSet
    comment: str
    oneof: str = ""
    entry: Message | None = None

    @property
    def number(self) -> int:
        """Its number."""
        return self.proto.number

    @property
    def type_name(self) -> str:
        """Full name of its message or enum; empty for scalars."""
        return self.proto.type_name.removeprefix(".")

    @property
    def is_message(self) -> bool:
        """Whether it holds messages."""
        return self.proto.type in MESSAGE_TYPES

    @cached_property
    def type(self) -> FieldDescriptorProto.Type.ValueType:
        """Its type; a message that is delimited is a group, whatever the syntax calls it."""
        delimited = self.features.message_encoding == FeatureSet.DELIMITED and not self.entry
        if self.proto.type == FieldDescriptorProto.TYPE_MESSAGE and delimited:
            return FieldDescriptorProto.TYPE_GROUP
        return self.proto.type

    @cached_property
    def cardinality(self) -> str:
        """`map`, `repeated`, `required`, `optional` with presence, or `implicit` without."""
        if self.entry:
            return "map"
        if self.proto.label == FieldDescriptorProto.LABEL_REPEATED:
            return "repeated"
        if self.is_required:
            return "required"
        explicit = self.features.field_presence == FeatureSet.EXPLICIT or self.proto.proto3_optional
        return "optional" if explicit or self.oneof or self.is_message or self.proto.extendee else "implicit"

    @property
    def is_required(self) -> bool:
        """Whether a message without it is refused, in the sense of proto2."""
        legacy = self.features.field_presence == FeatureSet.LEGACY_REQUIRED
        return self.proto.label == FieldDescriptorProto.LABEL_REQUIRED or (
            legacy and self.proto.label != FieldDescriptorProto.LABEL_REPEATED
        )


@dataclass(frozen=True)
class Message:
    """A message type; `fields` in the order of the document."""

    name: str
    proto: DescriptorProto
    features: FeatureSet
    comment: str
    fields: dict[int, Field]

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Its fields by their own names."""
        return {field.proto.name: field for field in self.fields.values()}

    @cached_property
    def oneofs(self) -> dict[str, frozenset[int]]:
        """Numbers of the members of each real oneof."""
        members: dict[str, set[int]] = {}
        for one in self.fields.values():
            if one.oneof:
                members.setdefault(one.oneof, set()).add(one.number)
        return {name: frozenset(numbers) for name, numbers in members.items()}


@dataclass(frozen=True)
class Enum:
    """An enum."""

    name: str
    proto: EnumDescriptorProto
    features: FeatureSet
    comment: str
    comments: dict[str, str]

    @property
    def is_closed(self) -> bool:
        """Whether readers put numbers that it does not name aside."""
        return self.features.enum_type == FeatureSet.CLOSED

    @cached_property
    def numbers(self) -> dict[int, tuple[str, ...]]:
        """Names by number, the first one first."""
        names: dict[int, tuple[str, ...]] = {}
        for value in self.proto.value:
            names[value.number] = (*names.get(value.number, ()), value.name)
        return names


@dataclass(frozen=True)
class Service:
    """A service."""

    name: str
    proto: ServiceDescriptorProto
    comment: str
    comments: dict[str, str]


@dataclass
class ProtoModel:
    """Everything that a set of proto files defines, by full name; what comes with Chartly is left out.

    commented: whether the set says comments at all.
    """

    commented: bool = False
    files: dict[str, FileDescriptorProto] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    enums: dict[str, Enum] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    extensions: dict[tuple[str, int], Field] = field(default_factory=dict)

    @cached_property
    def roots(self) -> frozenset[str]:
        """Names of the messages that no field of another message holds: what is written on its own."""
        held = {
            name
            for message in self.messages.values()
            for one in message.fields.values()
            if (name := one.entry.fields[2].type_name if one.entry else one.type_name) != message.name
        }
        return frozenset(self.messages.keys() - held)


def read_model(descriptors: FileDescriptorSet) -> ProtoModel:
    """Return the model of a descriptor set."""
    model = ProtoModel()
    for file in descriptors.file:
        if not is_common(file.name):
            _Reader(model, file).read()
    return model


class _Reader:
    def __init__(self, model: ProtoModel, file: FileDescriptorProto) -> None:
        self._model, self._file = model, file
        self._comments = {
            tuple(place.path): place.leading_comments or place.trailing_comments
            for place in file.source_code_info.location
            if place.leading_comments or place.trailing_comments
        }

    def read(self) -> None:
        file, scope = self._file, self._file.package
        self._model.files[file.name] = file
        self._model.commented |= file.HasField("source_code_info")
        features = _merged(_DEFAULTS.get(file.syntax, _EDITIONS), file.options)
        for index, message in enumerate(file.message_type):
            self._message(message, scope, features, (4, index))
        self._enums(file.enum_type, scope, features, (5,))
        self._extensions(file.extension, scope, features, (7,))
        for index, service in enumerate(file.service):
            name, path = _join(scope, service.name), (6, index)
            comments = self._children(path, 2, [method.name for method in service.method])
            self._model.services[name] = Service(name, service, self._comment(path), comments)

    def _message(self, proto: DescriptorProto, scope: str, above: FeatureSet, path: tuple[int, ...]) -> Message:
        name, features = _join(scope, proto.name), _merged(above, proto.options)
        entries = {}
        for index, nested in enumerate(proto.nested_type):
            message = self._message(nested, name, features, (*path, 3, index))
            if nested.options.map_entry:
                entries[message.name] = message
        self._enums(proto.enum_type, name, features, (*path, 4))
        self._extensions(proto.extension, name, features, (*path, 6))
        fields = {
            one.number: Field(
                f"{name}.{one.name}",
                one,
                _merged(features, one.options),
                self._comment((*path, 2, index)),
                _oneof(proto, one),
                entries.get(one.type_name.removeprefix(".")),
            )
            for index, one in enumerate(proto.field)
        }
        found = Message(name, proto, features, self._comment(path), fields)
        if not proto.options.map_entry:
            self._model.messages[name] = found
        return found

    def _enums(
        self, protos: Iterable[EnumDescriptorProto], scope: str, above: FeatureSet, path: tuple[int, ...]
    ) -> None:
        for index, proto in enumerate(protos):
            name, place = _join(scope, proto.name), (*path, index)
            comments = self._children(place, 2, [value.name for value in proto.value])
            features = _merged(above, proto.options)
            self._model.enums[name] = Enum(name, proto, features, self._comment(place), comments)

    def _extensions(
        self, protos: Iterable[FieldDescriptorProto], scope: str, above: FeatureSet, path: tuple[int, ...]
    ) -> None:
        for index, proto in enumerate(protos):
            features, comment = _merged(above, proto.options), self._comment((*path, index))
            found = Field(_join(scope, proto.name), proto, features, comment)
            self._model.extensions[proto.extendee.removeprefix("."), proto.number] = found

    def _comment(self, path: tuple[int, ...]) -> str:
        return self._comments.get(path, "").strip()

    def _children(self, path: tuple[int, ...], kind: int, names: Iterable[str]) -> dict[str, str]:
        return {name: self._comment((*path, kind, index)) for index, name in enumerate(names)}


def _oneof(message: DescriptorProto, one: FieldDescriptorProto) -> str:
    if one.HasField("oneof_index") and not one.proto3_optional:
        return message.oneof_decl[one.oneof_index].name
    return ""


def _merged(above: FeatureSet, options: object) -> FeatureSet:
    if not options.HasField("features"):  # type: ignore[attr-defined]  # every options message has it
        return above
    merged = FeatureSet()
    merged.CopyFrom(above)
    merged.MergeFrom(options.features)  # type: ignore[attr-defined]
    return merged


def _join(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def walk(old: Iterable[Name], new: Iterable[Name]) -> Iterator[Name]:
    """Yield each name once: the old ones in their order, then those that are only new."""
    yield from dict.fromkeys([*old, *new])
