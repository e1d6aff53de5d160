"""What a data contract says of its tables, as JSON Schema. A column that is not required may be null or absent."""

from __future__ import annotations

import re
from typing import Any

from chartly.contracts.schemas.tree import DEFAULT_DIALECT

_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": ["number", "string"], "format": "decimal"},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "object": {"type": "object"},
    "array": {"type": "array"},
    "map": {"type": "object"},
    "vector": {"type": "array", "items": {"type": "number"}},
}
_DECIMAL = re.compile(r"(?:decimal|numeric)\([0-9]+, *([0-9]+)\)")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
#: Options of a type that are keywords of JSON Schema.
_OPTIONS = {
    "string": ("minLength", "maxLength", "pattern"),
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "array": ("minItems", "maxItems", "uniqueItems"),
    "object": ("minProperties", "maxProperties"),
}


def schema_of_tables(tables: list[dict[str, Any]], *, closed: bool) -> dict[str, Any]:
    """Return the JSON Schema of a table's rows, or of an object with a list of rows for each of several.

    Args:
        tables: as the standard has them.
        closed: whether there is no other column.
    """
    head = {"$schema": DEFAULT_DIALECT}
    if len(tables) == 1:
        return head | _object(tables[0], closed=closed)
    rows = {table["name"]: {"type": "array", "items": _object(table, closed=closed)} for table in tables}
    return head | {"type": "object", "properties": rows} | ({"additionalProperties": False} if closed else {})


def _object(told: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    columns = told.get("properties", [])
    schema: dict[str, Any] = {"type": "object"}
    if "description" in told:
        schema["description"] = told["description"]
    if columns:
        schema["properties"] = {column["name"]: _value(column, closed=closed) for column in columns}
        schema["required"] = [column["name"] for column in columns if _is_required(column)]
        schema |= {"additionalProperties": False} if closed else {}
    return schema


def _value(told: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    kind = told.get("logicalType", "")
    schema = _type(told) | {word: told[word] for word in ("description", "deprecated") if word in told}
    if kind == "object":
        schema |= _object(told, closed=closed)
    if kind == "array" and "items" in told:
        schema["items"] = _value({"required": True, **told["items"]}, closed=closed)
    if kind == "map" and "value" in told.get("map", {}):
        schema["additionalProperties"] = _value({"required": True, **told["map"]["value"]}, closed=closed)
    options = told.get("logicalTypeOptions", {})
    schema |= {keyword: options[keyword] for keyword in _OPTIONS.get(kind, ()) if keyword in options}
    values = _valid_values(told)
    if not _is_required(told) and "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*types, "null"]
        values = [*values, None] if values else values
    return schema | ({"enum": values} if values else {})


def _type(told: dict[str, Any]) -> dict[str, Any]:
    """Return what a column's types say; the physical one tells a decimal, a text in JSON, from a double."""
    schema = {**_TYPES.get(told.get("logicalType", ""), {})}
    physical = str(told.get("physicalType", "")).lower()
    if told.get("logicalType") == "number" and physical.startswith(("double", "float", "real")):
        schema = {"type": "number"}
    if told.get("logicalType") == "number" and (decimal := _DECIMAL.match(physical)):
        schema = {"type": "string", "format": "decimal", "x-scale": int(decimal[1])}
    for each in told.get("customProperties", []):
        if each.get("property") == "unit":
            schema["x-unit"] = each.get("value")
    return schema


def _is_required(told: dict[str, Any]) -> bool:
    return bool(told.get("required") or told.get("primaryKey"))


def _valid_values(told: dict[str, Any]) -> list[Any]:
    """Return the values that a column may have, by `enum` (3.2) or by the rule that none is invalid (3.1); empty for any."""
    if "enum" in told:
        return [entry["value"] for entry in told["enum"] if "value" in entry]
    rules = (
        rule for rule in told.get("quality", []) if rule.get("metric") == "invalidValues" and rule.get("mustBe") == 0
    )
    named = (rule.get("arguments", {}).get("validValues") for rule in rules)
    return next((values for values in named if isinstance(values, list)), [])


def key_of(table: dict[str, Any]) -> tuple[str, ...]:
    """Return the columns of a table's primary key, in their order."""
    columns = [column for column in table.get("properties", []) if column.get("primaryKey")]
    return tuple(column["name"] for column in sorted(columns, key=lambda each: each.get("primaryKeyPosition", -1)))
