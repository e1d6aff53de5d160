"""protobuf itself is asked what one field type makes of the bytes and the JSON of another."""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import Any

import pytest
from chartly.contracts.protos import types as proto_types
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

INT32 = [0, 1, -1, 2**31 - 1, -(2**31)]
UINT32 = [0, 1, 2**31, 2**32 - 1]
INT64 = [*INT32, 2**32, 2**63 - 1, -(2**63)]
UINT64 = [*UINT32, 2**63, 2**64 - 1]
VALUES: dict[F.Type.ValueType, list[Any]] = {
    F.TYPE_DOUBLE: [0.0, 0.5, 0.1, 1e300],
    F.TYPE_FLOAT: [0.0, 0.5],
    F.TYPE_INT32: INT32,
    F.TYPE_SINT32: INT32,
    F.TYPE_SFIXED32: INT32,
    F.TYPE_UINT32: UINT32,
    F.TYPE_FIXED32: UINT32,
    F.TYPE_INT64: INT64,
    F.TYPE_SINT64: INT64,
    F.TYPE_SFIXED64: INT64,
    F.TYPE_UINT64: UINT64,
    F.TYPE_FIXED64: UINT64,
    F.TYPE_BOOL: [False, True],
    F.TYPE_STRING: ["", "a", "YWJj", "1"],
    F.TYPE_BYTES: [b"", b"a", b"\xff\xfe"],
    F.TYPE_ENUM: INT32,
}


PAIRS = list(permutations(VALUES, 2))


@cache
def message(field_type: F.Type.ValueType) -> type[Message]:
    file = FileDescriptorProto(name="m.proto", package="m", syntax="proto3")
    enum = file.enum_type.add(name="E")
    enum.value.add(name="A", number=0)
    field = file.message_type.add(name="M").field.add(name="a", number=1, type=field_type, label=F.LABEL_OPTIONAL)
    if field_type == F.TYPE_ENUM:
        field.type_name = ".m.E"
    pool = DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("m.M"))


def is_same(value: Any, read: Any) -> bool:
    value, read = (one.encode() if isinstance(one, str) else one for one in (value, read))
    return isinstance(value, bytes) == isinstance(read, bytes) and bool(value == read)


def by_wire(old: F.Type.ValueType, new: F.Type.ValueType, value: Any) -> bool:
    try:
        read: Any = message(new).FromString(message(old)(a=value).SerializeToString())
    except DecodeError:
        return False
    return is_same(value, read.a)


def by_json(old: F.Type.ValueType, new: F.Type.ValueType, value: Any) -> bool:
    try:
        read: Any = json_format.Parse(json_format.MessageToJson(message(old)(a=value)), message(new)())
    except json_format.ParseError:
        return False
    return is_same(value, read.a)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_the_wire_is_read_as_the_verdict_says(old: F.Type.ValueType, new: F.Type.ValueType) -> None:
    assert proto_types.wire(old, new).backward is all(by_wire(old, new, value) for value in VALUES[old])
    assert proto_types.wire(old, new).forward is proto_types.wire(new, old).backward


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_json_is_read_where_the_verdict_says_so(old: F.Type.ValueType, new: F.Type.ValueType) -> None:
    if proto_types.json(old, new).backward:
        assert all(by_json(old, new, value) for value in VALUES[old])
    assert proto_types.json(old, new).forward is proto_types.json(new, old).backward
