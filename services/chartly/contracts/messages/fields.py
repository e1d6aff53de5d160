"""The schema of one field: its type, its rules, and whether its key has to be there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chartly.contracts.messages.presence import FLOATS, allows_zero, has_two_zeros, is_map, nonzero
from chartly.contracts.messages.rules_bytes import bytes_rules
from chartly.contracts.messages.rules_messages import message_rules
from chartly.contracts.messages.rules_numbers import SPECIAL, float_rules, integer_rules
from chartly.contracts.messages.rules_parts import Schema, any_of, choices, merge
from chartly.contracts.messages.rules_strings import string_rules
from chartly.contracts.messages.source import Source
from chartly.contracts.messages.types import INTEGERS, WELL_KNOWN, WRAPPERS, map_key, scalar, zero
from google.protobuf.descriptor import FieldDescriptor as Field

#: What the name of a message's definition ends with where nothing checks its rules.
UNCHECKED = "-unchecked"
_IF_ZERO, _ALWAYS = 1, 3  # buf.validate.Ignore


class Fields:
    """Makes the schemas of fields and enums."""

    def __init__(self, source: Source, ref: str) -> None:
        self._source = source
        self._ref = ref

    def field(self, field: Any, is_checked: bool, *, ignores_zero: bool) -> tuple[Schema, bool]:
        """Return a field's schema, and whether a message without its key is invalid."""
        rules = self._source.field_rules(field)
        if rules.ignore == _ALWAYS or not is_checked:
            rules, is_checked = type(rules)(), False
        if field.has_presence or (ignores_zero and not rules.ignore):
            rules.ignore = 0 if field.has_presence else _IF_ZERO  # a zero that is set is not ignored
        if is_map(field):
            parts, notes = self._map(field, rules, is_checked)
        elif field.is_repeated:
            parts, notes = self._list(field, rules, is_checked)
        else:
            parts, notes = self._value(field, rules, is_checked)
        if rules.required and not field.has_presence:
            parts.append(nonzero(field))
            notes += [{"rule": "required", "value": True}] * has_two_zeros(field)
        schema = self._described(field, merge(parts), [*self.cel(rules), *notes])
        return schema, field.is_required or self._must_be_there(field, rules, schema)

    def enum(self, enum: Any) -> Schema:
        """Return an enum's schema: its names, and for an open one other numbers."""
        names: Schema = {"enum": [value.name for value in enum.values]}
        comment = self._source.comment(enum.full_name)
        described = {"title": enum.name, **({"description": comment} if comment else {})}
        if enum.is_closed:
            return described | names
        known = sorted({value.number for value in enum.values})
        unknown = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1, "not": {"enum": known}}
        return described | {"anyOf": [names, unknown]}

    def cel(self, rules: Any) -> list[Schema]:
        """Return the notes on the CEL expressions of some rules."""
        short = [{"id": text, "expression": text} for text in rules.cel_expression]
        return [_cel_note(rule) for rule in rules.cel] + short

    def _must_be_there(self, field: Any, rules: Any, schema: Schema) -> bool:
        if field.has_presence or rules.required:
            return bool(rules.required)
        if rules.WhichOneof("type") is None:
            return False
        defs = {self._ref + name: WELL_KNOWN[name] for name in ("int64", "uint64") if INTEGERS.get(field.type) == name}
        if field.type == Field.TYPE_ENUM:
            defs[self._ref + field.enum_type.full_name] = self.enum(field.enum_type)
        return not allows_zero(field, schema, defs)

    def _list(self, field: Any, rules: Any, is_checked: bool) -> tuple[list[Schema], list[Schema]]:
        shape: Schema = {"type": "array", "items": self._element(field, rules.repeated.items, is_checked)}
        sizes = {"minItems": "min_items", "maxItems": "max_items"}
        limits = {key: getattr(rules.repeated, name) for key, name in sizes.items() if rules.repeated.HasField(name)}
        notes: list[Schema] = []
        if rules.repeated.unique:
            unique, notes = self._unique(field, shape["items"])
            shape |= unique
        return _ignoring(rules, [], shape, [limits]), notes

    def _unique(self, field: Any, item: Schema) -> tuple[Schema, list[Schema]]:
        """Return the parts for a list without repetitions; equal JSON values have to be equal values, and the other way round."""
        note: Schema = {"rule": "repeated.unique", "value": True}
        if field.type in FLOATS:
            return {}, [note]  # NaN differs from itself
        if field.type == Field.TYPE_ENUM:
            names = field.enum_type.values
            return {"uniqueItems": True}, [note] * (len(names) > len({value.number for value in names}))
        if item.get("$ref") in (f"{self._ref}int64", f"{self._ref}uint64"):
            return {"uniqueItems": True, "items": {**item, "type": "string"}}, []  # the canonical form alone
        return {"uniqueItems": True}, []

    def _map(self, field: Any, rules: Any, is_checked: bool) -> tuple[list[Schema], list[Schema]]:
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        names = self._key(key, rules.map.keys)
        shape: Schema = {"type": "object", "additionalProperties": self._element(value, rules.map.values, is_checked)}
        shape |= {"propertyNames": names} if names else {}
        sizes = {"minProperties": "min_pairs", "maxProperties": "max_pairs"}
        limits = {keyword: getattr(rules.map, name) for keyword, name in sizes.items() if rules.map.HasField(name)}
        return _ignoring(rules, {}, shape, [limits]), []

    def _key(self, key: Any, rules: Any) -> Schema:
        parts, left = ([], []) if rules.ignore == _ALWAYS else self._key_rules(key, rules)
        if rules.ignore == _IF_ZERO and parts:
            parts = [any_of([{"const": str(zero(key)).lower()}, merge(parts)])]
        notes = [] if rules.ignore == _ALWAYS else [*self.cel(rules), *self._notes(rules, left)]
        return merge([map_key(key), *parts]) | ({"x-protovalidate": notes} if notes else {})

    def _key_rules(self, key: Any, rules: Any) -> tuple[list[Schema], list[str]]:
        kind = rules.WhichOneof("type")
        if kind == "string":
            return string_rules(rules.string)
        if kind == "bool":
            return choices(rules.bool, lambda values: [str(value).lower() for value in values]), []
        return (integer_rules(getattr(rules, kind), as_text=True, as_number=False) if kind else []), []

    def _element(self, field: Any, rules: Any, is_checked: bool) -> Schema:
        if rules.ignore == _ALWAYS or not is_checked:
            rules, is_checked = type(rules)(), False
        parts, notes = self._value(field, rules, is_checked)
        notes = [*self.cel(rules), *notes]
        return merge(parts) | ({"x-protovalidate": notes} if notes else {})

    def _value(self, field: Any, rules: Any, is_checked: bool) -> tuple[list[Schema], list[Schema]]:
        """Return the parts of one value's schema, of which the first is its type, and its notes."""
        if field.message_type is not None and field.message_type.full_name in WRAPPERS:
            return self._value(field.message_type.fields_by_name["value"], rules, is_checked)
        if field.type in FLOATS:
            return self._float(field, rules), self._notes(rules, _ignored(rules))
        base = self._base(field, is_checked)
        parts, left = self._parts(field, rules)
        return _ignoring(rules, zero(field), base, parts), self._notes(rules, left)

    def _base(self, field: Any, is_checked: bool) -> Schema:
        if field.type == Field.TYPE_ENUM:
            return {"$ref": self._ref + field.enum_type.full_name}
        if field.message_type is None:
            return scalar(field, self._ref)
        name = field.message_type.full_name
        return {"$ref": self._ref + name + ("" if is_checked or name in WELL_KNOWN else UNCHECKED)}

    def _parts(self, field: Any, rules: Any) -> tuple[list[Schema], list[str]]:
        kind = rules.WhichOneof("type")
        if kind is None:
            return [], []
        chosen = getattr(rules, kind)
        if field.type in INTEGERS:
            return integer_rules(chosen, as_text=INTEGERS[field.type].endswith("64"), as_number=True), []
        match field.type:
            case Field.TYPE_STRING:
                return string_rules(chosen)
            case Field.TYPE_BYTES:
                return bytes_rules(chosen)
            case Field.TYPE_BOOL:
                return choices(chosen, list), []
            case Field.TYPE_ENUM:
                return _enum_rules(field.enum_type, chosen), []
        return message_rules(kind, chosen)

    def _float(self, field: Any, rules: Any) -> list[Schema]:
        is_float = field.type == Field.TYPE_FLOAT
        kind = rules.WhichOneof("type")
        limits, special = float_rules(getattr(rules, kind), is_float=is_float) if kind else ({}, list(SPECIAL))
        number = merge([scalar(field, self._ref), limits])
        alternatives = [
            number,
            *([{"enum": special}] if special else []),
            *([{"const": 0}] if rules.ignore == _IF_ZERO else []),
        ]
        return [any_of(alternatives)]

    def _notes(self, rules: Any, left: list[str]) -> list[Schema]:
        kind = rules.WhichOneof("type")
        if kind is None:
            return []
        chosen = getattr(rules, kind)
        notes = [{"rule": f"{kind}.{name}", "value": _json(getattr(chosen, name))} for name in left]
        return notes + [note for found, value in chosen.ListFields() for note in self._predefined(kind, found, value)]

    def _predefined(self, kind: str, extension: Any, value: Any) -> Iterator[Schema]:
        if extension.is_extension:
            for rule in self._source.predefined(extension):
                yield {"rule": f"{kind}.[{extension.full_name}]", "value": _json(value), **_cel_note(rule)}

    def _described(self, field: Any, schema: Schema, notes: list[Schema]) -> Schema:
        comment = self._source.comment(field.full_name)
        described = {"description": comment, **schema} if comment else schema
        return described | ({"x-protovalidate": notes} if notes else {})


def _ignored(rules: Any) -> list[str]:
    """Return the names of a number's rules where they leave zero alone, but not -0.0."""
    kind = rules.WhichOneof("type")
    if kind is None or rules.ignore != _IF_ZERO:
        return []
    return [field.name for field, _ in getattr(rules, kind).ListFields() if not field.is_extension]


def _ignoring(rules: Any, zero_value: Any, base: Schema, parts: list[Schema]) -> list[Schema]:
    """Return base and parts; where the rules leave the zero value alone, as an alternative to it."""
    parts = [part for part in parts if part]
    if rules.ignore != _IF_ZERO or not parts or zero_value is None:
        return [base, *parts]
    return [base, any_of([{"const": zero_value}, merge(parts)])]


def _enum_rules(enum: Any, rules: Any) -> list[Schema]:
    def forms(numbers: Any) -> list[Any]:
        names = {number: [value.name for value in enum.values if value.number == number] for number in numbers}
        return [form for number in numbers for form in names[number] or [number]]

    return [*([{"type": "string"}] if rules.defined_only else []), *choices(rules, forms)]


def _cel_note(rule: Any) -> Schema:
    return {name: value for name in ("id", "message", "expression") if (value := getattr(rule, name))}


def _json(value: Any) -> Any:
    if hasattr(value, "ToJsonString"):
        return value.ToJsonString()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if isinstance(value, str | int | float) else [_json(item) for item in value]
