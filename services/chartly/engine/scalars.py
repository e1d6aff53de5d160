"""Reading a scalar of a document as a field of a message."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from chartly.engine.document import Scalar
from google.protobuf.descriptor import FieldDescriptor


def _read_text(node: Scalar, descriptor: FieldDescriptor) -> str | bytes | None:
    if not isinstance(node.value, str):
        return None
    return node.value.encode() if descriptor.type == FieldDescriptor.TYPE_BYTES else node.value


def _read_bool(node: Scalar, descriptor: FieldDescriptor) -> bool | None:
    return node.value if isinstance(node.value, bool) else None


def _read_integer(bits: int, *, signed: bool) -> Callable[[Scalar, FieldDescriptor], int | None]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)

    def read(node: Scalar, descriptor: FieldDescriptor) -> int | None:
        value = node.value
        if isinstance(value, str) and bits == 64 and value.removeprefix("-").isdecimal() and len(value) <= 20:
            value = int(value)  # protojson writes 64-bit integers as text
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) and low <= value < high else None

    return read


def _read_double(node: Scalar, descriptor: FieldDescriptor) -> float | None:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1.7976931348623157e308:
        return None
    return float(value) if math.isfinite(float(value)) else None


def _read_enum(node: Scalar, descriptor: FieldDescriptor) -> int | None:
    if descriptor.enum_type is None or not isinstance(node.value, str):
        return None
    value = descriptor.enum_type.values_by_name.get(node.value)
    return None if value is None else int(value.number)


READERS: dict[int, tuple[Callable[[Scalar, FieldDescriptor], Any], str]] = {
    FieldDescriptor.CPPTYPE_STRING: (_read_text, "a text"),
    FieldDescriptor.CPPTYPE_BOOL: (_read_bool, "true or false"),
    FieldDescriptor.CPPTYPE_INT32: (_read_integer(32, signed=True), "an integer of 32 bits"),
    FieldDescriptor.CPPTYPE_UINT32: (_read_integer(32, signed=False), "an integer of 32 bits, not negative"),
    FieldDescriptor.CPPTYPE_INT64: (_read_integer(64, signed=True), "an integer of 64 bits"),
    FieldDescriptor.CPPTYPE_UINT64: (_read_integer(64, signed=False), "an integer of 64 bits, not negative"),
    FieldDescriptor.CPPTYPE_DOUBLE: (_read_double, "a number"),
    FieldDescriptor.CPPTYPE_FLOAT: (_read_double, "a number"),
    FieldDescriptor.CPPTYPE_ENUM: (_read_enum, "a word"),
}
"""How a scalar of a document is read as a field of each kind, None if it cannot be, and what the field takes, in words."""
