"""A row as an Avro schema (1.12): what a value may be beyond its type stands beside it as attributes, which readers pass over."""

from __future__ import annotations

import re
from typing import Any

from chartly.contracts.errors import NotExportable
from chartly.contracts.rows.columns import DECIMAL_DIGITS, Row, RowColumn

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPES: dict[str, Any] = {
    "string": "string",
    "integer": "long",
    "number": "double",
    "boolean": "boolean",
    "timestamp": {"type": "long", "logicalType": "timestamp-micros"},
    "date": {"type": "int", "logicalType": "date"},
}


def avro(row: Row) -> dict[str, Any]:
    """Return the Avro schema of a row; a column that may have no value is a union with null, which is its default.

    Raises:
        NotExportable: a column's name is none for Avro.
    """
    return {
        "type": "record",
        "name": row.identifier,
        "namespace": "chartly.datasets",
        **({"doc": row.description} if row.description else {}),
        "fields": [_field(column) for column in row.columns],
    }


def _field(column: RowColumn) -> dict[str, Any]:
    if not _NAME.fullmatch(column.name):
        raise NotExportable(f"properties.{column.name}", "a name in Avro has letters, digits and _ only")
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": DECIMAL_DIGITS, "scale": column.scale}
    kind = decimal if column.type == "decimal" else _TYPES[column.type]
    words = {"doc": column.description, "unit": column.unit, "pattern": column.pattern, "enum": list(column.enum)}
    return {
        "name": column.name,
        **({"type": kind} if column.required else {"type": ["null", kind], "default": None}),
        **{word: told for word, told in words.items() if told},
        **{f"exclusive{k[0].upper()}{k[1:]}" if exclusive else k: value for k, value, exclusive in column.limits},
    }
