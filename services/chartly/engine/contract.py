"""The output contract of a plan: the Arrow schema of its dataset and the JSON Schema of one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chartly.engine.plan import Column, Plan
from chartly.engine.reading import ColumnReader, json_value

if TYPE_CHECKING:
    import pyarrow as pa

RECORD_ID_MEANING = "sha256 of the RFC 8785 JSON of dims, measures and observed_at."
RUN_ID_MEANING = "Run that delivered the row."
OBSERVED_AT_MEANING = "Instant that the record speaks of."
_TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3}|\.[0-9]{6})?Z$"


def arrow_schema(plan: Plan) -> pa.Schema:
    """Return record_id, run_id, observed_at, dims and measures; each field's metadata has kind, unit, description."""
    import pyarrow as pa

    system = [
        _system_field("record_id", pa.string(), RECORD_ID_MEANING, nullable=False),
        _system_field("run_id", pa.string(), RUN_ID_MEANING, nullable=False),
        _system_field("observed_at", pa.timestamp("us", "UTC"), OBSERVED_AT_MEANING, nullable=True),
    ]
    return pa.schema(system + [_field(column) for column in plan.columns])


def arrow_type(column: Column) -> pa.DataType:
    """Return the Arrow type of a column."""
    import pyarrow as pa

    if column.type == "decimal":
        return pa.decimal128(38, column.scale)
    types = {
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
        "date": pa.date32(),
    }
    return types[column.type]


def json_schema(plan: Plan) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a record as the API writes it: 64-bit integers and decimals as text."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": plan.profile_id,
        "type": "object",
        "properties": {
            "record_id": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": RECORD_ID_MEANING},
            "run_id": {"type": "string", "description": RUN_ID_MEANING},
            "observed_at": _observed_at_schema(plan),
            "dims": _columns_schema(plan.dims),
            "measures": _columns_schema(plan.measures),
        },
        "required": ["record_id", "run_id", "observed_at", "dims", "measures"],
        "additionalProperties": False,
    }


def _system_field(name: str, data_type: pa.DataType, description: str, *, nullable: bool) -> pa.Field:
    import pyarrow as pa

    return pa.field(name, data_type, nullable, {"kind": "system", "unit": "", "description": description})


def _field(column: Column) -> pa.Field:
    import pyarrow as pa

    metadata = {"kind": column.kind, "unit": column.unit, "description": column.description}
    return pa.field(column.name, arrow_type(column), metadata=metadata)


def _observed_at_schema(plan: Plan) -> dict[str, Any]:
    if plan.observed_at is None:
        return {"type": "null", "description": OBSERVED_AT_MEANING}
    return {
        "type": "string",
        "format": "date-time",
        "pattern": _TIME_PATTERN,
        "description": OBSERVED_AT_MEANING,
    }


def _columns_schema(columns: tuple[Column, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {column.name: _column_schema(column) for column in columns},
        "required": [column.name for column in columns],
        "additionalProperties": False,
    }


def _column_schema(column: Column) -> dict[str, Any]:
    schema: dict[str, Any] = _type_schema(column)
    if not _is_never_null(column):
        schema["type"] = [schema["type"], "null"] if isinstance(schema["type"], str) else [*schema["type"], "null"]
    if column.description:
        schema["description"] = column.description
    if column.unit:
        schema["x-unit"] = column.unit
    if column.enum:
        schema["enum"] = _enum(column)
    return schema


def _type_schema(column: Column) -> dict[str, Any]:
    match column.type:
        case "integer":
            # An integer beyond 2^53 is a text, as in the record's identity.
            return {"type": ["integer", "string"], "pattern": "^-?[0-9]{16,19}$"} | _bounds(column)
        case "number":
            return {"type": "number"} | _bounds(column)
        case "decimal":
            digits = f"\\.[0-9]{{{column.scale}}}" if column.scale else ""
            return {"type": "string", "pattern": f"^-?[0-9]+{digits}$"}
        case "boolean":
            return {"type": "boolean"}
        case "timestamp":
            return {"type": "string", "format": "date-time", "pattern": _TIME_PATTERN}
        case "date":
            return {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
    return {"type": "string"} | ({"pattern": column.pattern} if column.pattern else {})


def _bounds(column: Column) -> dict[str, Any]:
    bounds = {"minimum": column.minimum, "maximum": column.maximum}
    return {name: int(bound) if bound.is_integer() else bound for name, bound in bounds.items() if bound is not None}


def _is_never_null(column: Column) -> bool:
    return column.severity != "warn" and (column.required or column.default is not None)


def _enum(column: Column) -> list[Any]:
    values = [json_value(value) for value in ColumnReader(column).enum]
    return values if _is_never_null(column) else [*values, None]
