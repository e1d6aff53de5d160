"""Reading a data contract of the Open Data Contract Standard, version 3 (bitol.io), with all its problems and their places.

What it says of its tables becomes a JSON Schema, by which contracts are compared and records are checked: of the one table's
rows, or, with several tables, of an object with a list of rows for each. A column that is not required may be null or absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import jsonschema_rs
from chartly.contracts.digest import schema_digest
from chartly.contracts.patterns import PATTERNS, REFUSED, is_read
from chartly.contracts.report import Finding, Layer
from chartly.contracts.rows import Row, row_of_schema
from chartly.contracts.schema_changes import compare_schemas
from chartly.contracts.schema_document import (
    MAX_DEPTH,
    MAX_SIZE_BYTES,
    SchemaDocument,
    path_of,
    place_of,
    schema_of,
)
from chartly.contracts.schema_tree import DEFAULT_DIALECT, Steps
from chartly.engine.document import Node, Syntax, plain, read_document
from chartly.engine.errors import InvalidDocument, Problem

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


@dataclass(frozen=True)
class DataContract:
    """A data contract as it was read.

    value: what it says. schema: of its records; open_schema: the same, but further columns are allowed.
    keys: columns of each table's primary key, in their order.
    """

    value: dict[str, Any]
    schema: SchemaDocument
    open_schema: SchemaDocument
    keys: dict[str, tuple[str, ...]]
    text: bytes = b""

    @property
    def digest(self) -> str:
        """Its content address, `sha256:…`."""
        return schema_digest("ODCS", self.text, self.value)

    @property
    def deprecation(self) -> str:
        """Its status where that says that nobody should use it any more; else empty."""
        status = str(self.value.get("status", "")).lower()
        return status if status in ("deprecated", "retired") else ""

    def row(self) -> Row:
        """Return the row of its one table.

        Raises:
            NotExportable: it has several, or one whose rows are not flat.
        """
        row = row_of_schema(self.schema, name=str(self.value["id"]), version=str(self.value["version"]))
        team = self.value.get("team")
        return replace(
            row,
            owner=str(team.get("name", "")) if isinstance(team, dict) else "",
            tags=tuple(self.value.get("tags", ())),
            status=str(self.value.get("status", "active")),
            key=next(iter(self.keys.values()), ()),
        )


def read_odcs(text: bytes, syntax: Syntax = "yaml") -> DataContract:
    """Return the data contract that a text describes.

    Args:
        text: UTF-8, at most 8 MiB and 100 levels.
        syntax: `yaml` or `json`.

    Raises:
        InvalidDocument: with each problem and its place.
    """
    node = read_document(text, syntax, max_size_bytes=MAX_SIZE_BYTES, max_depth=MAX_DEPTH)
    value = plain(node)
    if problems := sorted(set(_problems(value, node))):
        raise InvalidDocument(problems)
    tables = value.get("schema", [])
    keys = {table["name"]: _key(table) for table in tables}
    closed, opened = (schema_of(_schema(tables, closed=each)) for each in (True, False))
    return DataContract(value, closed, opened, keys, text)


def compare_odcs(old: DataContract, new: DataContract) -> tuple[Finding, ...]:
    """Return each change between two data contracts; another primary key breaks both ways, for it says what a row is."""
    findings = list(compare_schemas(old.schema, new.schema))
    for table in old.keys.keys() & new.keys.keys():
        was, now = (", ".join(contract.keys[table]) or "none" for contract in (old, new))
        if was != now:
            message = f"primary key was {was}, now {now}"
            advice = "Keep the key, or publish the table under another name."
            path = f"schema.{table}.primaryKey"
            findings.append(Finding(Layer.RULES, "PRIMARY_KEY_CHANGED", path, message, advice, True, True))
    return tuple(sorted(findings, key=lambda finding: (finding.path, finding.rule)))


def _problems(value: Any, node: Node) -> Iterator[Problem]:
    version = value.get("apiVersion", "") if isinstance(value, dict) else ""
    if isinstance(version, str) and version and not version.startswith("v3."):
        message = f'"{version}" is not read; version 3 of the Open Data Contract Standard is, as in v3.1.0'
        yield _problem(node, ("apiVersion",), "UNKNOWN_DIALECT", message)
        return
    for error in _standard().iter_errors(value):
        yield _problem(node, tuple(error.instance_path), "SCHEMA_INVALID", error.message)
    if isinstance(value, dict) and isinstance(tables := value.get("schema", []), list):
        for index, table in enumerate(tables):
            if isinstance(table, dict):
                yield from _column_problems(node, ("schema", index), table.get("properties"))


def _column_problems(node: Node, steps: Steps, columns: Any) -> Iterator[Problem]:
    first: set[str] = set()
    for index, column in enumerate(columns if isinstance(columns, list) else ()):
        here = (*steps, "properties", index)
        if not isinstance(column, dict):
            continue
        name = str(column.get("name"))
        if name in first:
            yield _problem(node, (*here, "name"), "NAME_REPEATED", f"a second column {name}")
        first.add(name)
        options = column.get("logicalTypeOptions")
        if isinstance(options, dict) and isinstance(pattern := options.get("pattern"), str) and not is_read(pattern):
            message = f'"{pattern}" {REFUSED}'
            yield _problem(node, (*here, "logicalTypeOptions", "pattern"), "PATTERN_REFUSED", message)
        yield from _column_problems(node, here, column.get("properties"))


def _problem(node: Node, steps: Steps, reason: str, message: str) -> Problem:
    place = place_of(node, steps)
    return Problem(place.line, place.column, path_of(steps), reason, message)


def _schema(tables: list[dict[str, Any]], *, closed: bool) -> dict[str, Any]:
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
    return next((list(rule.get("arguments", {}).get("validValues", [])) for rule in rules), [])


def _key(table: dict[str, Any]) -> tuple[str, ...]:
    columns = [column for column in table.get("properties", []) if column.get("primaryKey")]
    return tuple(column["name"] for column in sorted(columns, key=lambda each: each.get("primaryKeyPosition", -1)))


@cache
def _standard() -> jsonschema_rs.Validator:
    import json
    from importlib.resources import files

    text = files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    schema = cast("dict[str, Any]", json.loads(text))
    return jsonschema_rs.validator_for(schema, validate_formats=True, pattern_options=PATTERNS, offline=True)
