"""The query of a plan: from texts to values, identities and a mark on each record that is not plain.

It reads a relation of one row a record, with one text a source path, and answers, in the same order, `odd` (the record needs
`reading`), `record_id`, `observed_at` and the columns of the plan. Only of rows that are not odd do the others count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from chartly.engine.digest import canonical_json
from chartly.engine.forms import LONG_NUMBER, BooleanForm, DecimalForm, Form, IntegerForm, NumberForm
from chartly.engine.literals import literal, text_literal
from chartly.engine.plan import OBSERVED_AT, Column, Plan
from chartly.engine.reading import ColumnReader, json_value
from chartly.engine.time_forms import DateForm, EpochForm, FormattedForm, TimestampForm
from chartly.engine.times import EPOCH_UNITS

ODD = "odd"


def mapping_query(plan: Plan, texts: str, *, json_column: str | None = None) -> str:
    """Return the query.

    Args:
        texts: SQL of the relation: `t0`, `t1`, … are the texts of `plan.inputs`, and `strange` marks records whose
            texts cannot be trusted.
        json_column: the relation's column with the JSON text of the record, where numbers were read as doubles.
    """
    layers = [_Layer(index, column, json_column) for index, column in enumerate(plan.inputs)]
    kept = f"SELECT strange{f', {json_column}' if json_column else ''}"
    sources = f"{kept}{_each(layer.source for layer in layers)} FROM ({texts})"
    locals_ = f"SELECT *{_each(layer.local for layer in layers if layer.local)} FROM ({sources})"
    casts = f"SELECT *{_each(layer.cast for layer in layers)} FROM ({locals_})"
    written = f"SELECT *{_each(layer.written for layer in layers)} FROM ({casts})"
    odd = " OR ".join(["strange", *(check for layer in layers for check in layer.oddities)])
    outputs = [
        *([] if plan.observed_at else [f"NULL::TIMESTAMP AS {OBSERVED_AT}"]),
        *(layer.output for layer in layers),
    ]
    return f"SELECT {odd} AS {ODD}, sha256({_record_json(plan, layers)}) AS record_id{_each(outputs)} FROM ({written})"


def form_of(column: Column, json_column: str | None = None) -> Form:
    """Return the form of a column's texts."""
    is_exact = f"NOT regexp_matches({json_column}, '{LONG_NUMBER}')" if json_column else "true"
    match column.type:
        case "boolean":
            return BooleanForm()
        case "integer":
            return IntegerForm(is_exact)
        case "number":
            return NumberForm()
        case "decimal":
            return DecimalForm(column.scale, is_exact)
        case "date":
            return DateForm(column.format, is_exact)
        case "timestamp" if column.format in EPOCH_UNITS:
            return EpochForm(column.format, is_exact)
        case "timestamp" if column.format:
            return FormattedForm(column.format, column.time_zone)
        case "timestamp":
            return TimestampForm(column.time_zone)
    return Form()


class _Layer:
    """The expressions of one column.

    `t` is its text, `s` the text that counts, `l` the text's local time, `r` its value, `w` the value written again.
    """

    def __init__(self, index: int, column: Column, json_column: str | None) -> None:
        self.column = column
        self._form, self._reader = form_of(column, json_column), ColumnReader(column)
        self._t, self._s, self._l, self._r, self._w = (f"{letter}{index}" for letter in "tslrw")
        nulls = () if column.type == "string" else self._reader.null_constants
        self._typed_nulls = ", ".join(map(literal, nulls))

    @property
    def source(self) -> str:
        """The text after replace and null_values."""
        text, nulls = self._t, ", ".join(map(text_literal, self.column.null_values))
        if self.column.replace:
            cases = (f"WHEN {text_literal(key)} THEN {_nullable(new)}" for key, new in self.column.replace)
            text = f"CASE {text} {' '.join(cases)} ELSE {text} END"
        return f"{f'CASE WHEN {text} IN ({nulls}) THEN NULL ELSE {text} END' if nulls else text} AS {self._s}"

    @property
    def local(self) -> str | None:
        """The local time of the text, for a column with a time zone or a format."""
        local = self._form.local(self._s)
        return f"{local} AS {self._l}" if local else None

    @property
    def cast(self) -> str:
        """The text's value, which may be wrong."""
        return f"{self._form.cast(self._s, self._l)} AS {self._r}"

    @property
    def written(self) -> str:
        """The value as a text again."""
        return f"{self._form.written(self._r)} AS {self._w}"

    @property
    def oddities(self) -> list[str]:
        """Whether the reference must look: the text does not fit, a value is missing or not allowed."""
        fits = self._form.fits(self._s, self._r, self._w)
        # A text that came out as it went in is the cheapest to see; one that is none does so too.
        is_clear = f"{self._w} IS NOT DISTINCT FROM {self._s}" if self._form.fits_if_same else f"{self._s} IS NULL"
        checks = [f"CASE WHEN {is_clear} THEN false ELSE NOT coalesce({fits}, false) END"]
        if self.column.required:
            checks.append(self._is_none)
        return checks + [f"coalesce({violation}, false)" for violation in self._violations()]

    @property
    def output(self) -> str:
        """The value, or the default of a record that has none, under the column's name."""
        value, default = self._r, self._reader.default
        if self._typed_nulls or default is not None:
            value = f"CASE WHEN {self._is_none} THEN {'NULL' if default is None else literal(default)} ELSE {value} END"
        name = self.column.name.replace('"', '""')
        return f'{value} AS "{name}"'

    @property
    def json(self) -> str:
        """The RFC 8785 text of the value or the default."""
        value = self._form.json(self._s, self._r, self._w)
        if not self._typed_nulls and self._reader.default is None:
            return f"coalesce({value}, 'null')"
        default = canonical_json(json_value(self._reader.default)).decode()
        return f"CASE WHEN {self._is_none} THEN {text_literal(default)} ELSE {value} END"

    @property
    def _is_none(self) -> str:
        """Whether the text means no value."""
        if self._typed_nulls:
            return f"({self._r} IS NULL OR {self._r} IN ({self._typed_nulls}))"
        return f"({self._s} IS NULL)"

    def _violations(self) -> list[str]:
        low, high = self._reader.bounds
        found = [f"{self._r} < {literal(low)}"] if low is not None else []
        found += [f"{self._r} > {literal(high)}"] if high is not None else []
        if self._reader.enum:
            found.append(f"{self._r} NOT IN ({', '.join(map(literal, self._reader.enum))})")
        if self.column.pattern:
            found.append(f"NOT regexp_matches({self._s}, {text_literal(self.column.pattern)})")
        return found


def _nullable(text: str | None) -> str:
    return "NULL" if text is None else text_literal(text)


def _each(expressions: Iterable[str | None]) -> str:
    return "".join(f", {expression}" for expression in expressions)


def _record_json(plan: Plan, layers: list[_Layer]) -> str:
    """Return SQL for the RFC 8785 text of records: keys are sorted, as columns are by their ASCII names."""
    dims = _members([layer for layer in layers if layer.column.kind == "dim"])
    measures = _members([layer for layer in layers if layer.column.kind == "measure"])
    observed_at = layers[0].json if plan.observed_at else "'null'"
    return (
        f"""concat('{{"dims":{{', {dims}, '}},"measures":{{', {measures}, '}},"{OBSERVED_AT}":', {observed_at}, '}}')"""
    )


def _members(layers: list[_Layer]) -> str:
    pieces = [
        f"{text_literal((',' if place else '') + json.dumps(layer.column.name) + ':')}, {layer.json}"
        for place, layer in enumerate(layers)
    ]
    return ", ".join(pieces) or "''"
