"""How protojson writes scalars and the well-known types, without any rule."""

from __future__ import annotations

from typing import Any

from chartly.contracts.messages.rules_bytes import BASE64
from chartly.contracts.messages.rules_numbers import FLOAT_MAX, integers_between
from chartly.contracts.messages.rules_parts import Schema
from google.protobuf.descriptor import FieldDescriptor as Field

INTEGERS = {
    **dict.fromkeys((Field.TYPE_INT32, Field.TYPE_SINT32, Field.TYPE_SFIXED32), "int32"),
    **dict.fromkeys((Field.TYPE_UINT32, Field.TYPE_FIXED32), "uint32"),
    **dict.fromkeys((Field.TYPE_INT64, Field.TYPE_SINT64, Field.TYPE_SFIXED64), "int64"),
    **dict.fromkeys((Field.TYPE_UINT64, Field.TYPE_FIXED64), "uint64"),
}
RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
WRAPPERS = {f"google.protobuf.{name}Value" for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32")} | {
    f"google.protobuf.{name}Value" for name in ("Bool", "String", "Bytes")
}

# No year is divisible by 100 but not by 400 and has a 29th of February.
_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DAY = (
    "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_FRACTION = r"(?:\.[0-9]{1,9})?"
_MOST_SECONDS = 315_576_000_000  # ten thousand years, see duration.proto


def _wide_integer(name: str) -> Schema:
    lower, upper = RANGES[name]
    return {
        "description": "Canonically a string of decimal digits; a number where its reader keeps all of its digits.",
        "type": ["string", "integer"],
        "pattern": f"^(?:{integers_between(lower, upper)})$",
        "minimum": lower,
        "maximum": upper,
    }


#: Definitions that do not follow from descriptors, by name.
WELL_KNOWN: dict[str, Schema] = {
    "int64": _wide_integer("int64"),
    "uint64": _wide_integer("uint64"),
    "google.protobuf.Timestamp": {
        "description": "Instant in UTC, as in 2026-01-31T09:30:00Z, with at most nine decimals.",
        "type": "string",
        "format": "date-time",
        "pattern": f"^{_DAY}T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){{2}}{_FRACTION}Z$",
        "not": {"pattern": "^0000"},
    },
    "google.protobuf.Duration": {
        "description": "Seconds with at most nine decimals, as in 1.5s.",
        "type": "string",
        "pattern": f"^-?(?:{integers_between(0, _MOST_SECONDS)}){_FRACTION}s$",
    },
    "google.protobuf.FieldMask": {
        "description": "Paths of fields in camelCase, joined by commas.",
        "type": "string",
        "pattern": "^[^_]*$",
    },
    "google.protobuf.Any": {
        "description": "A message of a type that `@type` names by URL; the other members follow from the type.",
        "type": "object",
        "properties": {"@type": {"type": "string", "minLength": 1}},
        "anyOf": [{"required": ["@type"]}, {"maxProperties": 0}],
    },
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Value": {"description": "Any JSON value."},
    "google.protobuf.NullValue": {"type": "null"},
}


def scalar(field: Any, ref: str) -> Schema:
    """Return the schema of a scalar that is no enum, without rules."""
    match field.type:
        case Field.TYPE_BOOL:
            return {"type": "boolean"}
        case Field.TYPE_STRING:
            return {"type": "string"}
        case Field.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64", "pattern": BASE64}
        case Field.TYPE_FLOAT:
            return {"type": "number", "minimum": -FLOAT_MAX, "maximum": FLOAT_MAX}
        case Field.TYPE_DOUBLE:
            return {"type": "number"}
    name = INTEGERS[field.type]
    if name in WELL_KNOWN:
        return {"$ref": ref + name}
    lower, upper = RANGES[name]
    return {"type": "integer", "minimum": lower, "maximum": upper}


def map_key(field: Any) -> Schema:
    """Return the schema of a map's key, which JSON has as a string."""
    if field.type == Field.TYPE_BOOL:
        return {"enum": ["true", "false"]}
    if field.type == Field.TYPE_STRING:
        return {}
    return {"pattern": f"^(?:{integers_between(*RANGES[INTEGERS[field.type]])})$"}


def zero(field: Any) -> Any:
    """Return the JSON of the field's zero value, as canonical protojson writes it; None for messages."""
    if field.type == Field.TYPE_ENUM:
        number = field.enum_type.values[0].number
        return field.enum_type.values_by_number[number].name
    if field.type in INTEGERS:
        return 0 if INTEGERS[field.type].endswith("32") else "0"
    return {Field.TYPE_BOOL: False, Field.TYPE_STRING: "", Field.TYPE_BYTES: ""}.get(
        field.type, 0 if field.type in (Field.TYPE_FLOAT, Field.TYPE_DOUBLE) else None
    )
