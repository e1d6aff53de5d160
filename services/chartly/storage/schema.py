"""The columns of datasets: as Arrow, as Delta's JSON, and in a profile's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chartly.storage.errors import IncompatibleChange, StagedFileInvalid

if TYPE_CHECKING:
    import pyarrow as pa

SYSTEM_COLUMNS = ("record_id", "run_id", "observed_at")
# What DuckDB calls the place of a row in its files, by which rows are told apart; no profile may name a field so.
_PLACES = ("file_index", "file_row_number")
_KINDS = ("system", "dim", "measure")
# Delta's types: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#primitive-types
_WORDS = {
    "string": "string",
    "long": "integer",
    "double": "number",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
}


@dataclass(frozen=True)
class Column:
    """A column, in the words of a profile."""

    name: str
    type: str
    kind: str
    unit: str
    description: str


@dataclass(frozen=True)
class Evolution:
    """What has to happen to a dataset's columns before rows of another schema can join it."""

    added: Sequence[pa.Field]
    described: Mapping[str, Mapping[str, str]]
    """Metadata that changes, by column."""


def read_ipc(message: bytes) -> pa.Schema:
    """Return the Arrow schema that an IPC message holds.

    Raises:
        StagedFileInvalid: it holds none, or one that no dataset can have.
    """
    import pyarrow as pa

    try:
        schema = pa.ipc.read_schema(pa.py_buffer(message))
    except (pa.ArrowInvalid, OSError):
        raise StagedFileInvalid("arrow_schema", "is no IPC message") from None
    if missing := [name for name in SYSTEM_COLUMNS if name not in schema.names]:
        raise StagedFileInvalid("arrow_schema", f"lacks {', '.join(missing)}")
    for field in schema:
        if field.name in _PLACES:
            raise StagedFileInvalid("arrow_schema", f"has {field.name}, which tells rows apart")
        if not _is_kept(field.type):
            raise StagedFileInvalid("arrow_schema", f"has {field.name} as {field.type}, which no dataset keeps")
    return schema


def write_ipc(schema: pa.Schema) -> bytes:
    """Return the IPC message that holds a schema."""
    message: bytes = schema.serialize().to_pybytes()
    return message


def evolve(dataset_id: str, held: pa.Schema, wanted: pa.Schema) -> Evolution:
    """Return what makes a dataset hold rows of another schema; columns that these lack stay and are null in them.

    Raises:
        IncompatibleChange: a column would change its type.
    """
    described = {}
    for field in wanted:
        if field.name not in held.names:
            continue
        if held.field(field.name).type != field.type:
            old, new = str(held.field(field.name).type), str(field.type)
            raise IncompatibleChange(dataset_id, field=field.name, held=old, wanted=new)
        metadata = metadata_of(field)
        if metadata != metadata_of(held.field(field.name)):
            described[field.name] = metadata
    return Evolution([field for field in wanted if field.name not in held.names], described)


def metadata_of(field: pa.Field) -> dict[str, str]:
    """The metadata of a field as text."""
    return {name.decode(): value.decode() for name, value in (field.metadata or {}).items()}


def in_order(schema: pa.Schema) -> pa.Schema:
    """Return the schema in the order that datasets have: record_id, run_id, observed_at, dims by name, measures by name."""
    import pyarrow as pa

    return pa.schema(sorted(schema, key=lambda field: _place(field.name, metadata_of(field).get("kind", ""))))


def columns_of(delta_schema: Mapping[str, Any]) -> list[Column]:
    """Return the columns of a schema that is Delta's JSON, in their order."""
    columns = [_column(field["name"], field["type"], field["metadata"]) for field in delta_schema["fields"]]
    return sorted(columns, key=lambda column: _place(column.name, column.kind))


def _column(name: str, delta_type: str, metadata: Mapping[str, str]) -> Column:
    word = "decimal" if delta_type.startswith("decimal") else _WORDS[delta_type]
    kind = "system" if name in SYSTEM_COLUMNS else metadata.get("kind", "")
    return Column(name, word, kind, metadata.get("unit", ""), metadata.get("description", ""))


def _place(name: str, kind: str) -> tuple[int, int, str]:
    if name in SYSTEM_COLUMNS:
        return (0, SYSTEM_COLUMNS.index(name), "")
    return (_KINDS.index(kind) if kind in _KINDS else len(_KINDS), 0, name)


def _is_kept(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kept: Iterable[pa.DataType] = (
        pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", "UTC"), pa.date32()
    )  # fmt: skip
    return kind in kept or pa.types.is_decimal128(kind)
