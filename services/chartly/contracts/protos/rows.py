"""The row of a proto message whose fields are scalars, enums and instants, with the rules that a column can have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from buf.validate import validate_pb2
from chartly.contracts.errors import NotExportable
from chartly.contracts.protos.files import CompiledProtos
from chartly.contracts.rows.columns import LIMITS, Row, RowColumn
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto

_TYPES = {
    **dict.fromkeys(("INT32", "INT64", "UINT32", "UINT64", "SINT32", "SINT64"), "integer"),
    **dict.fromkeys(("FIXED32", "FIXED64", "SFIXED32", "SFIXED64"), "integer"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "number"),
    "BOOL": "boolean",
    "STRING": "string",
    "ENUM": "string",
}
_TIMESTAMP = ".google.protobuf.Timestamp"
#: What the narrower integers can hold; those of 64 bits are as wide as a column.
_RANGES = {
    **dict.fromkeys(("INT32", "SINT32", "SFIXED32"), (-(2**31), 2**31 - 1)),
    **dict.fromkeys(("UINT32", "FIXED32"), (0, 2**32 - 1)),
    **dict.fromkeys(("UINT64", "FIXED64"), (0, 2**64 - 1)),
}
#: Rules that a column can have: keyword of JSON Schema, and whether it is exclusive.
_LIMITS = {
    "gte": ("minimum", False),
    "gt": ("minimum", True),
    "lte": ("maximum", False),
    "lt": ("maximum", True),
    "min_len": ("minLength", False),
    "max_len": ("maxLength", False),
}


def row_of_message(protos: CompiledProtos, message: str, *, name: str, version: str) -> Row:
    """Return the row of a message; a field is required where its rules say so.

    Raises:
        NotExportable: the message has a field or a rule that a column has not.
    """
    files = protos.descriptors.file
    messages = {key: each for file in files for key, each in _messages(f".{file.package}", file.message_type)}
    enums = {key: each for file in files for key, each in _enums(f".{file.package}", file.enum_type, file.message_type)}
    told = messages[f".{message}"]
    if rules := _extension(told.options, "message").ListFields():
        raise NotExportable("", f"a row has no rule {rules[0][0].name} on the whole of it")
    return Row(name, tuple(_column(field, enums) for field in told.field), version)


def _column(field: FieldDescriptorProto, enums: dict[str, EnumDescriptorProto]) -> RowColumn:
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_")
    column_type = "timestamp" if field.type_name == _TIMESTAMP else _TYPES.get(kind, "")
    if field.label == FieldDescriptorProto.LABEL_REPEATED or not column_type:
        raise NotExportable(field.name, "a column holds one scalar, enum or instant")
    if field.HasField("oneof_index") and not field.proto3_optional:
        raise NotExportable(field.name, "a column cannot be one of several")
    options: dict[str, Any] = {"enum": (), "limits": {}, "pattern": "", "required": False}
    if kind == "ENUM":
        options["enum"] = tuple(value.name for value in enums[field.type_name].value)
    for keyword, bound in zip(("minimum", "maximum"), _RANGES.get(kind, ()), strict=False):
        options["limits"][keyword] = (bound, False)
    for rule, value in _rules(field):
        _take(options, rule, value, field.name)
    limits = options["limits"]
    if {"minimum", "maximum"} <= limits.keys() and limits["minimum"][0] > limits["maximum"][0]:
        raise NotExportable(field.name, "a column has one range; these bounds leave out what is between them")
    options["limits"] = tuple((keyword, *limits[keyword]) for keyword in LIMITS if keyword in limits)
    return RowColumn(field.name, column_type, **options)


def _rules(field: FieldDescriptorProto) -> Iterator[tuple[str, Any]]:
    for rule, value in _extension(field.options, "field").ListFields():
        if rule.message_type is not None and rule.containing_oneof is not None:
            yield from ((each.name, content) for each, content in value.ListFields())
        else:
            yield rule.name, value


def _extension(options: Any, name: str) -> Any:
    return options.Extensions[getattr(validate_pb2, name)]


def _take(options: dict[str, Any], rule: str, value: Any, path: str) -> None:
    if rule in _LIMITS:
        keyword, exclusive = _LIMITS[rule]
        options["limits"][keyword] = (value, exclusive)
    elif rule in ("required", "pattern"):
        options[rule] = value
    elif rule in ("in", "const") and not options["enum"]:
        options["enum"] = tuple(value) if rule == "in" else (value,)
    elif rule not in ("defined_only", "example"):
        raise NotExportable(path, f"a column has no rule {rule}")


def _messages(scope: str, messages: Any) -> Iterator[tuple[str, DescriptorProto]]:
    for message in messages:
        yield f"{scope}.{message.name}".replace("..", "."), message
        yield from _messages(f"{scope}.{message.name}", message.nested_type)


def _enums(scope: str, enums: Any, messages: Any) -> Iterator[tuple[str, EnumDescriptorProto]]:
    yield from ((f"{scope}.{enum.name}".replace("..", "."), enum) for enum in enums)
    for message in messages:
        yield from _enums(f"{scope}.{message.name}", message.enum_type, message.nested_type)
