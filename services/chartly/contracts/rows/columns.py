"""The flat row that is common to all exports: what a column is called, what it holds and what it may hold.

A row comes from a profile, or from a JSON Schema of flat objects; it becomes a JSON Schema, a data contract, an Avro schema
or a proto message. In JSON, as records are read from Chartly, an instant is RFC 3339 text and a decimal is a text of digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chartly.api.profile.v1 import profile_pb2
from chartly.contracts.errors import NotExportable
from chartly.contracts.schemas.document import SchemaDocument, schema_of
from chartly.contracts.schemas.normal import shape_of
from chartly.contracts.schemas.patterns import is_read
from chartly.contracts.schemas.shape import NUMBERS, Shape, identity
from chartly.contracts.schemas.tree import DEFAULT_DIALECT, Located
from chartly.engine import Column, Plan, compile_profile
from chartly.engine.contract import json_schema

DECIMAL_DIGITS = 38
_FORMATS = {"timestamp": "date-time", "date": "date", "decimal": "decimal"}
#: What is kept of a column's limits, in this order.
LIMITS = ("minimum", "maximum", "minLength", "maxLength")


@dataclass(frozen=True, slots=True)
class RowColumn:
    """One column.

    type: string, integer, number, decimal, boolean, timestamp or date.
    required: whether it always has a value.
    enum: the values that it may have, as JSON writes them; empty for any.
    limits: by keyword of JSON Schema: minimum, maximum, minLength, maxLength, each `(value, exclusive)`.
    scale: digits after the point of a decimal.
    """

    name: str
    type: str
    required: bool = False
    description: str = ""
    unit: str = ""
    scale: int = 0
    enum: tuple[Any, ...] = ()
    limits: tuple[tuple[str, Any, bool], ...] = ()
    pattern: str = ""

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        schema: dict[str, Any] = {"type": self.type if self.type in _PLAIN else "string"}
        if name := _FORMATS.get(self.type):
            schema["format"] = name
        if self.type == "decimal":
            schema["pattern"] = f"^-?[0-9]+\\.[0-9]{{{self.scale}}}$" if self.scale else "^-?[0-9]+$"
            schema["x-scale"] = self.scale
        if self.pattern:
            schema["pattern"] = self.pattern
        for keyword, value, exclusive in self.limits:
            schema[f"exclusive{keyword[0].upper()}{keyword[1:]}" if exclusive else keyword] = value
        if self.enum:
            schema["enum"] = list(self.enum) if self.required else [*self.enum, None]
        if not self.required:
            schema["type"] = [schema["type"], "null"]
        words = {"description": self.description, "x-unit": self.unit}
        return {word: text for word, text in words.items() if text} | schema


_PLAIN = ("string", "integer", "number", "boolean")


@dataclass(frozen=True, slots=True)
class Row:
    """A named row with its columns in order, and what people want to know of it."""

    name: str
    columns: tuple[RowColumn, ...]
    version: str = "1.0.0"
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    status: str = "active"
    key: tuple[str, ...] = field(default=())

    @property
    def identifier(self) -> str:
        """Its name as languages take it: ASCII letters, digits and `_`, a letter first."""
        text = re.sub(r"[^A-Za-z0-9]+", "_", self.name).strip("_")
        return text if text[:1].isalpha() else f"row_{text}".rstrip("_")

    def schema(self, *, closed: bool = True) -> dict[str, Any]:
        """Return the JSON Schema of a row.

        Args:
            closed: each column is there, with null where it has no value, and no other; otherwise only those that are
                required have to be there, and any other may be.
        """
        words = {"title": self.name, "description": self.description}
        return {
            "$schema": DEFAULT_DIALECT,
            **{word: text for word, text in words.items() if text},
            "type": "object",
            "properties": {column.name: column.schema() for column in self.columns},
            "required": [column.name for column in self.columns if closed or column.required],
            **({"additionalProperties": False} if closed else {}),
        }


def row_of_profile(profile: profile_pb2.Profile) -> Row:
    """Return the row of a profile's dataset: observed_at, dims and measures, without record_id and run_id."""
    plan = compile_profile(profile)
    return Row(
        plan.profile_id,
        tuple(_column(plan, column) for column in plan.inputs),
        plan.version or "1.0.0",
        profile.description,
        profile.owner,
        tuple(profile.tags),
        key=plan.primary_key,
    )


def row_schema(profile: profile_pb2.Profile) -> SchemaDocument:
    """Return the JSON Schema of a row of a profile's dataset, ready to compare with a contract and to check records by."""
    return schema_of(row_of_profile(profile).schema())


def row_of_schema(document: SchemaDocument, *, name: str, version: str = "1.0.0") -> Row:
    """Return the row of a JSON Schema of flat objects.

    Raises:
        NotExportable: it is no schema of objects, or a property is none that a column can hold.
    """
    whole = shape_of([document.root])
    if whole.types != {"object"}:
        raise NotExportable("", "a row is an object; this schema takes other values too")
    if whole.any_of or whole.one_of or whole.conditions or whole.opaque or whole.dependent:
        raise NotExportable("", "a row has one form; this schema has several")
    names = dict.fromkeys(name for rule in whole.objects for name in rule.properties)
    words = document.value if isinstance(document.value, dict) else {}
    return Row(
        name,
        tuple(_column_of(each, whole.member(each), required=each in whole.required) for each in names),
        version,
        str(words.get("description", "")),
        status="deprecated" if words.get("deprecated") is True else "active",
    )


def _column(plan: Plan, column: Column) -> RowColumn:
    """Take what the engine says of a column in JSON; here an integer is one of any size, for no reader has the other form."""
    members: Any = json_schema(plan)["properties"]
    told = members["observed_at"] if column.kind == "system" else members[f"{column.kind}s"]["properties"][column.name]
    required = "null" not in told["type"]
    bounds = {word: told[word] for word in LIMITS if word in told}
    return RowColumn(
        column.name,
        column.type,
        required,
        column.description,
        column.unit,
        column.scale,
        tuple(value for value in told.get("enum", ()) if value is not None),
        tuple((word, bound, False) for word, bound in bounds.items()),
        # RE2 has forms that no JSON Schema has, as `\Q…\E`; without its pattern a column only says less.
        column.pattern if column.type == "string" and is_read(column.pattern) else "",
    )


def _column_of(name: str, parts: Iterable[Located], *, required: bool) -> RowColumn:
    path = f"properties.{name}"
    shape = shape_of(parts)
    if shape.any_of or shape.one_of or shape.nots or shape.conditions or shape.opaque:
        raise NotExportable(path, "a column has one form; this property has several")
    kind = _type_of(shape, path)
    texts = [part.schema for part in shape.parts if isinstance(part.schema, dict)]
    null = identity(None)
    return RowColumn(
        name,
        kind,
        required and "null" not in shape.types,
        next((text["description"] for text in texts if "description" in text), ""),
        next((str(text["x-unit"]) for text in texts if "x-unit" in text), ""),
        next((int(text["x-scale"]) for text in texts if "x-scale" in text), 0),
        tuple(value for key, value in (shape.values or {}).items() if key != null),
        tuple((word, shape.limits[word][0], bool(shape.limits[word][1])) for word in LIMITS if word in shape.limits),
        next(iter(sorted(shape.patterns)), "") if kind == "string" else "",
    )


def _type_of(shape: Shape, path: str) -> str:
    types = shape.types - {"null"}
    if types >= NUMBERS and types - NUMBERS <= ({"string"} if "decimal" in shape.formats else set()):
        return "number"
    if len(types) != 1 or types & {"object", "array"}:
        raise NotExportable(path, f"a column holds one type of value, not {', '.join(sorted(types)) or 'none'}")
    (kind,) = types
    if kind == "string":
        return next((name for name, word in _FORMATS.items() if word in shape.formats), "string")
    return "number" if kind == "fraction" else kind
