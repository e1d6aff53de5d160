"""A row as a proto file with rules of `buf.validate`.

A field's number follows from its name alone, so it is the same in every revision whatever columns come and go: the first
29 bits of the name's SHA-256 that are a number which protos allow. Two names that meet are refused; among 1 000 columns
that happens once in a thousand files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from chartly.contracts.errors import NotExportable
from chartly.contracts.rows.columns import Row, RowColumn

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TYPES = {
    "string": "string",
    "integer": "int64",
    "number": "double",
    "decimal": "string",
    "boolean": "bool",
    "timestamp": "google.protobuf.Timestamp",
    "date": "string",
}
_RULES = {"string": "string", "integer": "int64", "number": "double", "decimal": "string", "date": "string"}
_LIMITS = {
    "minimum": ("gte", "gt"),
    "maximum": ("lte", "lt"),
    "minLength": ("min_len", ""),
    "maxLength": ("max_len", ""),
}
_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_RESERVED = range(19_000, 20_000)


def proto(row: Row) -> bytes:
    """Return a proto file with the message of a row; a decimal and a date are texts.

    Raises:
        NotExportable: a column's name is none for protos, or two have the same number.
    """
    numbers = _numbers(row)
    major = re.match(r"v?([1-9][0-9]{0,8})\b", row.version)
    package = f"chartly.datasets.{row.identifier.lower()}.v{major[1] if major else 1}"
    lines = ['syntax = "proto3";', "", f"package {package};", "", 'import "buf/validate/validate.proto";']
    if any(column.type == "timestamp" for column in row.columns):
        lines.append('import "google/protobuf/timestamp.proto";')
    lines += ["", *_comment(row.description or f"A row of {row.name}.", ""), f"message {_camel(row.identifier)} {{"]
    for column in row.columns:
        lines += [*_comment(_words(column), "  "), _field(column, numbers[column.name])]
    return "\n".join([*lines, "}", ""]).encode()


def number_of(name: str) -> int:
    """Return the field number that a name has in every file."""
    digest = hashlib.sha256(name.encode()).digest()
    while not (number := int.from_bytes(digest[:4], "big") >> 3) or number in _RESERVED:
        digest = hashlib.sha256(digest).digest()
    return number


def _numbers(row: Row) -> dict[str, int]:
    names: dict[int, str] = {}
    for column in row.columns:
        if not _NAME.fullmatch(column.name):
            raise NotExportable(f"properties.{column.name}", "a name in protos has letters, digits and _ only")
        other = names.setdefault(number_of(column.name), column.name)
        if other != column.name:
            raise NotExportable(f"properties.{column.name}", f"its number is that of {other}; rename one")
    return {name: number for number, name in names.items()}


def _field(column: RowColumn, number: int) -> str:
    rules = [rule for rule in (_required(column), *_rules(column)) if rule]
    options = f" [{', '.join(f'(buf.validate.field).{rule}' for rule in rules)}]" if rules else ""
    return f"  optional {_TYPES[column.type]} {column.name} = {number}{options};"


def _required(column: RowColumn) -> str:
    return "required = true" if column.required else ""


def _rules(column: RowColumn) -> Iterator[str]:
    kind = _RULES.get(column.type, "")
    pattern = column.schema().get("pattern", "") if column.type in ("string", "decimal") else ""
    if column.type == "date":
        pattern = _DATE
    if pattern:
        yield f"{kind}.pattern = {json.dumps(pattern)}"
    for keyword, value, exclusive in column.limits:
        if kind and (rule := _LIMITS[keyword][exclusive]):
            yield f"{kind}.{rule} = {_number(value)}"
    if column.enum and kind:
        yield from (f"{kind}.in = {json.dumps(value, ensure_ascii=False)}" for value in column.enum)


def _number(value: Any) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _words(column: RowColumn) -> str:
    text = column.description or f"Column {column.name}."
    return f"{text.rstrip('.')}, in {column.unit}." if column.unit else text


def _comment(text: str, indent: str) -> list[str]:
    return [f"{indent}// {line}".rstrip() for line in text.splitlines()]


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
