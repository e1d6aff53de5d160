"""What schemas are made from: messages, their comments and their rules, out of a descriptor set and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from chartly.contracts.errors import NotExportable
from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

_FOREIGN = ("google/", "buf/")
_MESSAGES, _ENUMS, _FIELDS, _NESTED, _NESTED_ENUMS, _VALUES = 4, 5, 2, 3, 4, 2  # field numbers in descriptor.proto


def is_foreign(file: str) -> bool:
    """Whether a proto file comes from google or buf."""
    return file.startswith(_FOREIGN)


class Source:
    """Descriptors in a pool of their own, so that every option is a known field whatever the process has imported.

    Raises:
        NotExportable: a message is larger than the protobuf runtime can hold, which is about 4 000 fields of text.
    """

    def __init__(self, descriptors: bytes) -> None:
        self._files = list(FileDescriptorSet.FromString(descriptors).file)
        self._pool = DescriptorPool()
        for file in self._files:
            try:
                self._pool.Add(file)
            except TypeError as error:
                raise NotExportable(file.name, str(error)) from None

    @cached_property
    def own_messages(self) -> list[str]:
        """Full names of the messages of all files that are not of google or buf, sorted."""
        own = [file for file in self._files if not is_foreign(file.name)]
        return sorted(name for file in own for name in _message_names(file.package, file.message_type))

    @cached_property
    def own_enums(self) -> list[str]:
        """Full names of their enums, sorted."""
        own = [file for file in self._files if not is_foreign(file.name)]
        top = {_join(file.package, enum.name) for file in own for enum in file.enum_type}
        return sorted(top | {enum.full_name for name in self.own_messages for enum in self.message(name).enum_types})

    def message(self, name: str) -> Any:
        """Return a message's descriptor; raises KeyError."""
        return self._pool.FindMessageTypeByName(name)

    def enum(self, name: str) -> Any:
        """Return an enum's descriptor, or None."""
        try:
            return self._pool.FindEnumTypeByName(name)
        except KeyError:
            return None

    def comment(self, name: str) -> str:
        """Return the comment on a message, field, enum or value as one paragraph."""
        return self._comments.get(name, "")

    def oneofs(self, message: Any) -> list[Any]:
        """Return the oneofs that the message declares, without those that stand for `optional`."""
        proto = DescriptorProto()
        message.CopyToProto(proto)
        synthetic = {field.oneof_index for field in proto.field if field.proto3_optional}
        return [oneof for index, oneof in enumerate(message.oneofs) if index not in synthetic]

    def message_rules(self, message: Any) -> Any:
        """Return its `buf.validate.MessageRules`."""
        return self._rules(message, "MessageOptions", "message", "MessageRules")

    def oneof_rules(self, oneof: Any) -> Any:
        """Return its `buf.validate.OneofRules`."""
        return self._rules(oneof, "OneofOptions", "oneof", "OneofRules")

    def field_rules(self, field: Any) -> Any:
        """Return its `buf.validate.FieldRules`."""
        return self._rules(field, "FieldOptions", "field", "FieldRules")

    def predefined(self, extension: Any) -> list[Any]:
        """Return the CEL rules that an extension of a rule message stands for."""
        return list(self._rules(extension, "FieldOptions", "predefined", "PredefinedRules").cel)

    def _rules(self, descriptor: Any, options: str, extension: str, empty: str) -> Any:
        if not self._has_rules:
            from buf.validate import validate_pb2

            return getattr(validate_pb2, empty)()
        known = self._class(f"google.protobuf.{options}").FromString(descriptor.GetOptions().SerializeToString())
        return known.Extensions[self._pool.FindExtensionByName(f"buf.validate.{extension}")]

    def _class(self, name: str) -> Any:
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(name))

    @cached_property
    def _has_rules(self) -> bool:
        return any(file.name == "buf/validate/validate.proto" for file in self._files)

    @cached_property
    def _comments(self) -> dict[str, str]:
        return {name: text for file in self._files for name, text in _comments(file) if text}


def _message_names(scope: str, messages: Any) -> Iterator[str]:
    for message in messages:
        name = _join(scope, message.name)
        if not message.options.map_entry:
            yield name
            yield from _message_names(name, message.nested_type)


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    texts = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
    for name, path in _paths(file):
        lines = (line.strip() for line in texts.get(path, "").splitlines())
        yield name, " ".join(line for line in lines if line and not line.startswith("buf:lint:ignore"))


def _paths(file: FileDescriptorProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    for index, message in enumerate(file.message_type):
        yield from _message_paths(message, file.package, (_MESSAGES, index))
    for index, enum in enumerate(file.enum_type):
        yield from _enum_paths(enum, file.package, (_ENUMS, index))


def _message_paths(
    message: DescriptorProto, scope: str, path: tuple[int, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    name = _join(scope, message.name)
    yield name, path
    for index, field in enumerate(message.field):
        yield f"{name}.{field.name}", (*path, _FIELDS, index)
    for index, nested in enumerate(message.nested_type):
        yield from _message_paths(nested, name, (*path, _NESTED, index))
    for index, enum in enumerate(message.enum_type):
        yield from _enum_paths(enum, name, (*path, _NESTED_ENUMS, index))


def _enum_paths(enum: EnumDescriptorProto, scope: str, path: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    name = _join(scope, enum.name)
    yield name, path
    for index, value in enumerate(enum.value):
        yield f"{name}.{value.name}", (*path, _VALUES, index)


def _join(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name
