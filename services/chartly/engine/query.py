"""The query of a plan: from texts to values, identities and a mark on each record that is not plain.

It reads a relation of one row a record, with one text a source path, and answers, in the same order, `odd` (the record needs
`reading`), `record_id`, `observed_at` and the columns of the plan. Only of rows that are not odd do the others count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from chartly.engine.expressions import Source, canonical, literal, text_literal, typed
from chartly.engine.plan import OBSERVED_AT, Column, Plan
from chartly.engine.reading import ColumnReader

ODD = "odd"


def mapping_query(plan: Plan, texts: str, *, json_column: str | None = None) -> str:
    """Return the query.

    Args:
        texts: SQL of the relation: `t0`, `t1`, … are the texts of `plan.inputs`, and `strange` marks records whose
            texts cannot be trusted.
        json_column: the relation's column with the JSON text of the record, where numbers were read as doubles.
    """
    layers = [_Layer(index, column, json_column) for index, column in enumerate(plan.inputs)]
    rest = f", {json_column}" if json_column else ""
    sources = f"SELECT strange{rest}{_each(layer.source for layer in layers)} FROM ({texts})"
    read = f"SELECT strange{_each(layer.read for layer in layers)} FROM ({sources})"
    values = f"SELECT *{_each(layer.value for layer in layers)} FROM ({read})"
    odd = " OR ".join(["strange", *(layer.is_odd for layer in layers)])
    outputs = [
        *([] if plan.observed_at else [f"NULL::TIMESTAMP AS {OBSERVED_AT}"]),
        *(layer.output for layer in layers),
    ]
    return f"SELECT {odd} AS {ODD}, sha256({_record_json(plan, layers)}) AS record_id{_each(outputs)} FROM ({values})"


def _each(expressions: Iterable[str]) -> str:
    return "".join(f", {expression}" for expression in expressions)


class _Layer:
    """The expressions of one column: text `t`, source value `s`, value as read `r`, final value `v`."""

    def __init__(self, index: int, column: Column, json_column: str | None) -> None:
        self.column, self._index, self._json = column, index, json_column
        self._reader = ColumnReader(column)

    @property
    def source(self) -> str:
        """The text after replace and null_values."""
        text = f"t{self._index}"
        if nulls := [text_literal(null) for null in self.column.null_values]:
            kept = f"CASE WHEN {{}} IN ({', '.join(nulls)}) THEN NULL ELSE {{}} END"
        else:
            kept = "{}"
        if self.column.replace:
            cases = " ".join(
                f"WHEN {text_literal(key)} THEN {'NULL' if new is None else text_literal(new)}"
                for key, new in self.column.replace
            )
            text = f"CASE {text} {cases} ELSE {text} END"
        return f"{kept.replace('{}', text)} AS s{self._index}"

    @property
    def read(self) -> str:
        """The text and its value, NULL if it is not plain or means null."""
        text = f"s{self._index}"
        return f"{text}, {typed(self.column, Source(text, self._json))} AS r{self._index}"

    @property
    def value(self) -> str:
        """The value, or the default of a record that has none."""
        value = f"r{self._index}"
        if nulls := self._typed_nulls():
            value = f"CASE WHEN {value} NOT IN ({nulls}) THEN {value} END"
        if self._reader.default is not None:
            value = f"coalesce({value}, {literal(self._reader.default)})"
        return f"{value} AS v{self._index}"

    @property
    def is_odd(self) -> str:
        """Whether the reference must look: the text is not plain, a value is missing or not allowed."""
        text, read, value = (f"{letter}{self._index}" for letter in "srv")
        checks = [f"({text} IS NOT NULL AND {read} IS NULL)"]
        if self.column.required:
            checks.append(f"{value} IS NULL")
        checks += [f"coalesce({check}, false)" for check in self._violations(value, text)]
        return " OR ".join(checks)

    def _violations(self, value: str, text: str) -> list[str]:
        low, high = self._reader.bounds
        found = [f"{value} < {literal(low)}"] if low is not None else []
        found += [f"{value} > {literal(high)}"] if high is not None else []
        if self._reader.enum:
            found.append(f"{value} NOT IN ({', '.join(map(literal, self._reader.enum))})")
        if self.column.pattern:
            found.append(f"NOT regexp_matches({text}, {text_literal(self.column.pattern)})")
        if self.column.type == "string":
            # DuckDB writes the escapes of rare control characters in capitals, which RFC 8785 does not.
            found.append(f"contains(to_json({value})::VARCHAR, '\\u')")
        return found

    def _typed_nulls(self) -> str:
        return "" if self.column.type == "string" else ", ".join(map(literal, self._reader.null_constants))

    @property
    def json(self) -> str:
        """The value's RFC 8785 text."""
        value = f"v{self._index}"
        return f"CASE WHEN {value} IS NULL THEN 'null' ELSE {canonical(self.column, value, f's{self._index}')} END"

    @property
    def output(self) -> str:
        """The value under the column's name."""
        name = self.column.name.replace('"', '""')
        return f'v{self._index} AS "{name}"'


def _record_json(plan: Plan, layers: list[_Layer]) -> str:
    """Return SQL for the RFC 8785 text of records: keys are sorted, as columns are by their ASCII names."""
    dims = _members([layer for layer in layers if layer.column.kind == "dim"])
    measures = _members([layer for layer in layers if layer.column.kind == "measure"])
    observed_at = layers[0].json if plan.observed_at else "'null'"
    return (
        f"""concat('{{"dims":{{', {dims}, '}},"measures":{{', {measures}, '}},"{OBSERVED_AT}":', {observed_at}, '}}')"""
    )


def _members(layers: list[_Layer]) -> str:
    pieces = [f"{text_literal(json.dumps(layer.column.name) + ':')}, {layer.json}" for layer in layers]
    return ", ',', ".join(pieces) or "''"
