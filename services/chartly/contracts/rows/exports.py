"""Rows in the formats that other tools read."""

from __future__ import annotations

import json

from chartly.contracts.rows.avro_export import avro
from chartly.contracts.rows.columns import Row
from chartly.contracts.rows.odcs_export import odcs_yaml
from chartly.contracts.rows.proto_export import proto

FORMATS = ("json_schema", "odcs", "avro", "proto")


def export_row(row: Row, wanted: str) -> tuple[str, bytes]:
    """Return a row in one of FORMATS, as its media type and bytes.

    Raises:
        NotExportable: the row has what that format cannot carry.
    """
    if wanted == "odcs":
        return "application/yaml", odcs_yaml(row)
    if wanted == "proto":
        return "text/x-protobuf", proto(row)
    if wanted == "avro":
        return "application/vnd.apache.avro+json", _json(avro(row))
    return "application/schema+json", _json(row.schema())


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
