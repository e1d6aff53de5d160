"""Which values of one field type another one reads, on the wire and in JSON.

On the wire types of one encoding read each other's bytes, but a parser casts: a value that does not fit comes out as another
one. So a type follows another where its range has every value of the other (https://protobuf.dev/programming-guides/proto3/
#updating says which encodings are shared). In JSON 64-bit integers are strings, and each other kind has a form of its own.
"""

from __future__ import annotations

from typing import NamedTuple

from chartly.contracts.protos.model import MESSAGE_TYPES
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F


class Reads(NamedTuple):
    """Whether the new type reads the old (backward), and the old reads the new (forward)."""

    backward: bool
    forward: bool


_INT32, _UINT32 = (-(1 << 31), (1 << 31) - 1), (0, (1 << 32) - 1)
_INT64, _UINT64 = (-(1 << 63), (1 << 63) - 1), (0, (1 << 64) - 1)

_RANGES = {
    F.TYPE_BOOL: (0, 1),
    F.TYPE_INT32: _INT32,
    F.TYPE_SINT32: _INT32,
    F.TYPE_SFIXED32: _INT32,
    F.TYPE_UINT32: _UINT32,
    F.TYPE_FIXED32: _UINT32,
    F.TYPE_INT64: _INT64,
    F.TYPE_SINT64: _INT64,
    F.TYPE_SFIXED64: _INT64,
    F.TYPE_UINT64: _UINT64,
    F.TYPE_FIXED64: _UINT64,
    F.TYPE_ENUM: _INT32,
}
_ENCODINGS = {
    **dict.fromkeys((F.TYPE_BOOL, F.TYPE_INT32, F.TYPE_INT64, F.TYPE_UINT32, F.TYPE_UINT64, F.TYPE_ENUM), "varint"),
    **dict.fromkeys((F.TYPE_SINT32, F.TYPE_SINT64), "zigzag"),
    **dict.fromkeys((F.TYPE_FIXED32, F.TYPE_SFIXED32), "fixed32"),
    **dict.fromkeys((F.TYPE_FIXED64, F.TYPE_SFIXED64), "fixed64"),
}
_JSON_FORMS = {
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32, F.TYPE_UINT32, F.TYPE_FIXED32), "number"),
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64, F.TYPE_UINT64, F.TYPE_FIXED64), "string of digits"),
}
_SUPERSETS: set[tuple[F.Type.ValueType, F.Type.ValueType]] = {(F.TYPE_STRING, F.TYPE_BYTES)}


def wire(old: F.Type.ValueType, new: F.Type.ValueType, *, closed: tuple[bool, bool] = (False, False)) -> Reads:
    """Return how two field types read each other's bytes.

    Args:
        old: its `FieldDescriptorProto.Type`.
        new: likewise.
        closed: whether the old and the new one are closed enums, which read no other number than theirs.
    """
    if old == new:
        return Reads(True, True)
    if (old, new) in _SUPERSETS or (new, old) in _SUPERSETS:
        return Reads((old, new) in _SUPERSETS, (new, old) in _SUPERSETS)
    if old not in _ENCODINGS or _ENCODINGS[old] != _ENCODINGS.get(new):
        return Reads(False, False)
    return Reads(_fits(old, new) and not closed[1], _fits(new, old) and not closed[0])


def json(old: F.Type.ValueType, new: F.Type.ValueType) -> Reads:
    """Return how two field types read each other's JSON."""
    if old == new or {old, new} <= set(MESSAGE_TYPES):
        return Reads(True, True)
    if old not in _JSON_FORMS or _JSON_FORMS[old] != _JSON_FORMS.get(new):
        return Reads(False, False)
    return Reads(_fits(old, new), _fits(new, old))


def _fits(inner: F.Type.ValueType, outer: F.Type.ValueType) -> bool:
    (least, most), (bottom, top) = _RANGES[inner], _RANGES[outer]
    return bottom <= least and most <= top


def type_text(field_type: F.Type.ValueType, type_name: str) -> str:
    """Return a type as protos write it."""
    return type_name or F.Type.Name(field_type).removeprefix("TYPE_").lower()
