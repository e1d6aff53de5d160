"""When a field counts as set, and whether it may be left out: without presence, absent means zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs
from chartly.contracts.messages.rules_parts import Schema
from chartly.contracts.messages.types import INTEGERS, zero
from google.protobuf.descriptor import FieldDescriptor as Field

FLOATS = (Field.TYPE_FLOAT, Field.TYPE_DOUBLE)


def nonzero(field: Any) -> Schema:
    """Return what a field without presence has to meet to be set; JSON has one zero, so a double may be either."""
    if is_map(field):
        return {"minProperties": 1}
    if field.is_repeated:
        return {"minItems": 1}
    if field.type in (Field.TYPE_STRING, Field.TYPE_BYTES):
        return {"minLength": 1}
    if has_two_zeros(field):
        return {}
    return {"not": {"enum": ["0", 0]}} if field.type in INTEGERS else {"not": {"const": zero(field)}}


def has_two_zeros(field: Any) -> bool:
    """Whether the field tells -0.0, which is a value, from 0.0, which is none: JSON Schema does not."""
    return field.type in FLOATS and not (field.is_repeated or field.has_presence)


def is_map(field: Any) -> bool:
    """Whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def allows_zero(field: Any, schema: Schema, defs: Mapping[str, Schema]) -> bool:
    """Return whether a field's schema takes the zero of its type.

    Args:
        field: it has no presence.
        defs: what its scalar refers to, by the reference; what elements refer to is not looked at where a list is empty.
    """
    empty: Any = {} if is_map(field) else [] if field.is_repeated else zero(field)
    names = {ref: str(number) for number, ref in enumerate(defs)}
    local = {names[ref]: definition for ref, definition in defs.items()} | {"other": {}}
    return jsonschema_rs.is_valid({**_relocated(schema, names), "$defs": local}, empty)


def _relocated(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, list):
        return [_relocated(value, names) for value in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"#/$defs/{names.get(value, 'other')}" if key == "$ref" else _relocated(value, names)
        for key, value in schema.items()
    }
