"""A row as a data contract of the Open Data Contract Standard, version 3.1 (bitol.io)."""

from __future__ import annotations

from typing import Any

import yaml
from chartly.contracts.rows.columns import DECIMAL_DIGITS, Row, RowColumn

API_VERSION = "v3.1.0"
_LOGICAL = {"decimal": "number"}
_PHYSICAL = {
    "string": "string",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
}


def odcs(row: Row) -> dict[str, Any]:
    """Return the data contract of a row. Enumerated values are rules on quality; a key's columns have their positions."""
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": row.name,
        "name": row.name,
        "version": row.version,
        "status": row.status,
        **({"tags": list(row.tags)} if row.tags else {}),
        **({"description": {"purpose": row.description}} if row.description else {}),
        **({"team": {"name": row.owner}} if row.owner else {}),
        "servers": [_server(row)],
        "schema": [_table(row)],
    }


def odcs_yaml(row: Row) -> bytes:
    """Return the data contract of a row as YAML."""
    return yaml.dump(odcs(row), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120).encode()


class _Dumper(yaml.SafeDumper):
    """Quotes texts with line breaks of Unicode's own, which YAML would fold into others."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if any(sign in text for sign in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def _server(row: Row) -> dict[str, Any]:
    where = f"GET /api/datasets/{row.name}:read of the mesh; by format as ndjson, csv, arrow or parquet"
    return {"server": "chartly", "type": "custom", "description": where}


def _table(row: Row) -> dict[str, Any]:
    return {
        "name": row.identifier,
        "physicalName": row.name,
        "physicalType": "table",
        "logicalType": "object",
        **({"description": row.description} if row.description else {}),
        "properties": [_property(row, column) for column in row.columns],
    }


def _property(row: Row, column: RowColumn) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL.get(column.type, column.type),
        "physicalType": _PHYSICAL.get(column.type, f"decimal({DECIMAL_DIGITS},{column.scale})"),
        "required": column.required,
    }
    if column.description:
        told["description"] = column.description
    if options := _options(column):
        told["logicalTypeOptions"] = options
    if column.name in row.key:
        told |= {"primaryKey": True, "primaryKeyPosition": row.key.index(column.name) + 1}
        told |= {"unique": True} if len(row.key) == 1 else {}
    if column.unit:
        told["customProperties"] = [{"property": "unit", "value": column.unit}]
    if column.enum:
        told["quality"] = [_one_of(column)]
    return told


def _options(column: RowColumn) -> dict[str, Any]:
    options = {
        f"exclusive{keyword[0].upper()}{keyword[1:]}" if exclusive else keyword: value
        for keyword, value, exclusive in column.limits
    }
    return options | ({"pattern": column.pattern} if column.pattern else {})


def _one_of(column: RowColumn) -> dict[str, Any]:
    return {
        "metric": "invalidValues",
        "arguments": {"validValues": list(column.enum)},
        "mustBe": 0,
        "dimension": "conformity",
        "unit": "rows",
        "description": f"{column.name} has no other value",
    }
