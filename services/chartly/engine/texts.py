"""SQL that takes the texts of a plan's fields out of decoded records: from one JSON text a record, or from table columns.

The result has `t0`, `t1`, … for `plan.inputs`, and `strange`, which marks records that only `reading` can judge.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from chartly.engine.json_pages import LOOSE_COMMA
from chartly.engine.json_slices import json_path
from chartly.engine.literals import text_literal
from chartly.engine.plan import Plan

JSON_COLUMN = "j"
# What is no text but reads as one without a doubt; not 0, because DuckDB reads -0 as 0.
_PLAIN = "true|false|-?[1-9][0-9]{0,17}"


def table_texts(plan: Plan, relation: str, names: Iterable[str], nulls: Iterable[str] = ()) -> str:
    """Return SQL for a table whose columns are texts; the `nulls` mean no value."""
    known, null_list = set(names), ", ".join(map(text_literal, nulls))
    texts = []
    for column in plan.inputs:
        text = '"' + column.source.replace('"', '""') + '"' if column.source in known else "NULL::VARCHAR"
        texts.append(f"CASE WHEN {text} IN ({null_list}) THEN NULL ELSE {text} END" if null_list else text)
    return f"SELECT false AS strange{_numbered(texts, 't')} FROM {relation}"


def json_texts(plan: Plan, relation: str, *, strict: bool) -> str:
    """Return SQL for a table whose column `j` is the JSON text of a record.

    The strict form raises unless every record is an object that has every field's key exactly once; it is the faster, and
    for pages without loose commas. The other form marks such records as strange. A plan with dotted paths has no strict form.
    """
    keys = _Keys(plan)
    values = [keys.value(column.source) for column in plan.inputs]
    texts = [
        _text(value) if keys.is_json(column.source) else value
        for column, value in zip(plan.inputs, values, strict=True)
    ]
    strange = ["o0 IS NULL" if strict else "NOT sound"]
    strange += [
        _is_strange(value) for column, value in zip(plan.inputs, values, strict=True) if column.type == "string"
    ]
    parsed = keys.parsed_strictly(relation) if strict else keys.parsed(relation)
    return f"SELECT {JSON_COLUMN}, {' OR '.join(strange)} AS strange{_numbered(texts, 't')} FROM ({parsed})"


def has_strict_form(plan: Plan) -> bool:
    """Return whether every field of a plan is at a top-level key."""
    return not any("." in column.source for column in plan.inputs)


class _Keys:
    """The top-level keys that a plan needs, in as few objects as DuckDB's structs allow: they do not tell `a` from `A`."""

    def __init__(self, plan: Plan) -> None:
        self._objects: list[dict[str, str]] = [{}]
        for column in plan.inputs:
            if "." in column.source:
                self._need(column.source, "JSON")
                self._need(column.source.partition(".")[0], "JSON")
            else:
                self._need(column.source, "JSON" if column.type == "string" else "VARCHAR")

    def _need(self, key: str, kind: str) -> None:
        for known in self._objects:
            if key in known:
                known[key] = "JSON" if kind == "JSON" else known[key]
                return
        folded = key.casefold()
        free = next((known for known in self._objects if folded not in map(str.casefold, known)), None)
        if free is None:
            self._objects.append(free := {})
        free[key] = kind

    def is_json(self, path: str) -> bool:
        """Whether the value at a path is JSON text rather than the value's own text."""
        return "." in path or any(known.get(path) == "JSON" for known in self._objects)

    def value(self, path: str) -> str:
        """Return SQL for the value at a path, NULL if there is none or null."""
        if "." not in path:
            return self._at(path)
        first, _, rest = path.partition(".")
        nested = f"nullif(json_extract({self._at(first)}, {text_literal(json_path(rest))})::VARCHAR, 'null')"
        return f"coalesce({self._at(path)}::VARCHAR, {nested})"

    def parsed_strictly(self, relation: str) -> str:
        """Return SQL for records as structs; it raises where one lacks a key or has it twice."""
        return f"SELECT {JSON_COLUMN}{self._parse('from_json_strict', JSON_COLUMN)} FROM {relation}"

    def parsed(self, relation: str) -> str:
        """Return SQL for records as structs, and whether each record is sound."""
        keys = f"json_keys({JSON_COLUMN})"
        is_sound = (
            f"CASE WHEN NOT coalesce(json_valid({JSON_COLUMN}), false) THEN false "
            f"WHEN json_type({JSON_COLUMN}) <> 'OBJECT' OR regexp_matches({JSON_COLUMN}, '{LOOSE_COMMA}') THEN false "
            f"ELSE len({keys}) = len(list_distinct({keys})) END"
        )
        sound = f"SELECT {JSON_COLUMN}, {is_sound} AS sound FROM {relation}"
        return f"SELECT {JSON_COLUMN}, sound{self._parse('from_json', f'CASE WHEN sound THEN {JSON_COLUMN} END')} FROM ({sound})"

    def _parse(self, function: str, text: str) -> str:
        return _numbered([f"{function}({text}, {text_literal(json.dumps(known))})" for known in self._objects], "o")

    def _at(self, key: str) -> str:
        index, known = next((index, known) for index, known in enumerate(self._objects) if key in known)
        return f"struct_extract_at(o{index}, {list(known).index(key) + 1})"


def _text(value: str) -> str:
    """The text of a JSON text: of a JSON string what it says, of all else the JSON itself."""
    inner = f"substring({value}, 2, length({value}) - 2)"
    content = f"CASE WHEN contains({value}, '\\') THEN json_extract_string({value}, '$') ELSE {inner} END"
    return f"CASE WHEN starts_with({value}, '\"') THEN {content} ELSE {value}::VARCHAR END"


def _is_strange(value: str) -> str:
    is_text = f"{value} IS NULL OR starts_with({value}, '\"')"
    return f"CASE WHEN {is_text} THEN false ELSE NOT regexp_full_match({value}, '{_PLAIN}') END"


def _numbered(expressions: Iterable[str], letter: str) -> str:
    return "".join(f", {expression} AS {letter}{index}" for index, expression in enumerate(expressions))
