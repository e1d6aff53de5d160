"""Reading a data contract of the Open Data Contract Standard, version 3 (bitol.io), with all its problems and their places.

What it says of its tables becomes a JSON Schema, by which contracts are compared and records are checked: of the one table's
rows, or, with several tables, of an object with a list of rows for each. A column that is not required may be null or absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

import jsonschema_rs
from chartly.contracts.digest import schema_digest
from chartly.contracts.odcs.schema import key_of, schema_of_tables
from chartly.contracts.report import Finding, Layer
from chartly.contracts.rows.columns import Row, row_of_schema
from chartly.contracts.schemas.changes import compare_schemas
from chartly.contracts.schemas.document import (
    MAX_DEPTH,
    MAX_SIZE_BYTES,
    SchemaDocument,
    path_of,
    place_of,
    schema_of,
)
from chartly.contracts.schemas.patterns import PATTERNS, REFUSED, is_read
from chartly.contracts.schemas.tree import Steps
from chartly.engine.document import Node, Place, Scalar, Syntax, plain, read_document
from chartly.engine.errors import InvalidDocument, Problem


@dataclass(frozen=True)
class DataContract:
    """A data contract as it was read.

    value: what it says. schema: of its records; open_schema: the same, but further columns are allowed.
    keys: columns of each table's primary key, in their order. node: what it says, with its places.
    """

    value: dict[str, Any]
    schema: SchemaDocument
    open_schema: SchemaDocument
    keys: dict[str, tuple[str, ...]]
    text: bytes = b""
    node: Node = field(default_factory=lambda: Scalar(Place(1, 1), None, ""), repr=False, compare=False)

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
    keys = {table["name"]: key_of(table) for table in tables}
    closed, opened = (schema_of(schema_of_tables(tables, closed=each)) for each in (True, False))
    return DataContract(value, closed, opened, keys, text, node)


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


def lint_odcs(contract: DataContract) -> tuple[Problem, ...]:
    """Return what could be better, in the order of the places.

    The reasons are CONTRACT_DEPRECATED, KEY_MISSING, DESCRIPTION_MISSING and TYPE_MISSING.
    """
    found = [_problem(contract.node, *finding) for finding in _findings(contract)]
    return tuple(sorted(set(found)))


def _findings(contract: DataContract) -> Iterator[tuple[Steps, str, str]]:
    if contract.deprecation:
        yield ("status",), "CONTRACT_DEPRECATED", f"the contract says of itself that it is {contract.deprecation}"
    for index, table in enumerate(contract.value.get("schema", [])):
        here: Steps = ("schema", index)
        if not contract.keys[table["name"]]:
            yield (*here, "name"), "KEY_MISSING", f"say by primaryKey what tells two rows of {table['name']} apart"
        for number, column in enumerate(table.get("properties", [])):
            place: Steps = (*here, "properties", number, "name")
            if "description" not in column:
                yield place, "DESCRIPTION_MISSING", f"say what {column['name']} is, by description"
            if "logicalType" not in column:
                yield place, "TYPE_MISSING", f"say what {column['name']} holds, by logicalType; without it anything may"


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


@cache
def _standard() -> jsonschema_rs.Validator:
    import json
    from importlib.resources import files

    text = files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    schema = cast("dict[str, Any]", json.loads(text))
    for rule in schema["$defs"]["SchemaBaseProperty"]["allOf"]:
        for case in rule.get("if", {}).get("anyOf", [rule.get("if", {})]):
            # As it is published, what holds for a type holds where none is stated too: a column would need a `map`.
            if "properties" in case:
                case["required"] = ["logicalType"]
    return jsonschema_rs.validator_for(schema, validate_formats=True, pattern_options=PATTERNS, offline=True)
