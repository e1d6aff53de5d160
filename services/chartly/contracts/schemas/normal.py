"""From a JSON Schema to its shape: `$ref` and `allOf` are resolved, bounds are the tightest, and what follows is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from chartly.contracts.schemas.shape import (
    LIMITS,
    NUMBERS,
    ArrayRule,
    Contained,
    Limit,
    ObjectRule,
    Shape,
    identity,
    type_of,
)
from chartly.contracts.schemas.tree import ANNOTATIONS, DEFAULT_DIALECT, DRAFT_7, Located, Schema

#: Keywords that say nothing in a dialect.
_LATER = (
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "minContains",
    "maxContains",
)
_FOREIGN = {
    DRAFT_7: frozenset((*_LATER, "prefixItems", "$dynamicRef", "$recursiveRef")),
    "https://json-schema.org/draft/2019-09/schema": frozenset(("prefixItems", "$dynamicRef")),
    DEFAULT_DIALECT: frozenset(("additionalItems", "$recursiveRef")),
}
_EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def shape_of(parts: Iterable[Located]) -> Shape:
    """Return the normal form of schemas that a value has to meet all of."""
    flat = tuple({id(part.schema): part for whole in parts for part in _flat(whole)}.values())
    shape = Shape(flat)
    for part in flat:
        if part.schema is False:
            shape.never = True
        elif isinstance(part.schema, dict):
            foreign = _FOREIGN[part.dialect]
            own = part.schema if foreign.isdisjoint(part.schema) else _without(part.schema, foreign)
            _read(shape, part, own)
    _settle(shape)
    return shape


def _without(schema: dict[str, Any], keywords: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in keywords}


#: Keywords that ask nothing by themselves, once references are followed.
_SILENT = ANNOTATIONS | {"$ref", "allOf", "$defs", "definitions"}


def _flat(at: Located) -> Iterator[Located]:
    """Yield what a schema is made of by `$ref` and `allOf`; their keywords are passed over when the parts are read."""
    if isinstance(at.schema, bool):
        if not at.schema:
            yield at
        return
    reference = at.schema.get("$ref")
    if isinstance(reference, str):
        yield from _flat(at.target(reference))
    if not (reference and at.dialect == DRAFT_7):
        for schema in at.schema.get("allOf", ()):
            yield from _flat(at.down(schema))
        if not at.schema.keys() <= _SILENT:
            yield at


def _read(shape: Shape, at: Located, schema: dict[str, Any]) -> None:
    down = at.down
    if "type" in schema:
        named = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        shape.types &= frozenset().union(*(NUMBERS if name == "number" else {name} for name in named))
    for values in [schema[name] if name == "enum" else [schema[name]] for name in ("enum", "const") if name in schema]:
        allowed = {identity(value): value for value in values}
        shape.values = allowed if shape.values is None else {k: v for k, v in shape.values.items() if k in allowed}
    for keyword, value in schema.items():
        if keyword in LIMITS or keyword in _EXCLUSIVE:
            _limit(shape.limits, _EXCLUSIVE.get(keyword, keyword), value, exclusive=keyword in _EXCLUSIVE)
    shape.multiples |= {Fraction(str(schema["multipleOf"]))} if "multipleOf" in schema else set()
    shape.patterns |= {schema["pattern"]} if "pattern" in schema else set()
    named_formats = ("format", "contentEncoding", "contentMediaType")
    shape.formats |= {f"{name} {schema[name]}".removeprefix("format ") for name in named_formats if name in schema}
    shape.unique |= bool(schema.get("uniqueItems"))
    shape.required |= set(schema.get("required", ()))
    shape.names += [down(schema["propertyNames"])] if "propertyNames" in schema else []
    shape.any_of += [[down(branch) for branch in schema["anyOf"]]] if "anyOf" in schema else []
    shape.one_of += [[down(branch) for branch in schema["oneOf"]]] if "oneOf" in schema else []
    shape.nots += [down(schema["not"])] if "not" in schema else []
    shape.conditions += [at] if "if" in schema and {"then", "else"} & schema.keys() else []
    # Validators do not agree on `dependencies` beyond draft 7.
    opaque = ("$dynamicRef", "$recursiveRef", *(() if at.dialect == DRAFT_7 else ("dependencies",)))
    shape.opaque |= {name for name in opaque if name in schema}
    _read_members(shape, at, schema)
    _read_items(shape, at, schema)


def _read_members(shape: Shape, at: Located, schema: dict[str, Any]) -> None:
    rest = schema.get("additionalProperties", schema.get("unevaluatedProperties"))
    if "unevaluatedProperties" in schema and not (_is_alone(schema) or "additionalProperties" in schema):
        rest = None
        shape.opaque.add("unevaluatedProperties")
    properties = schema.get("properties", {})
    patterns = {pattern: at.down(each) for pattern, each in schema.get("patternProperties", {}).items()}
    if rest is not None or properties or patterns:
        shape.objects.append(ObjectRule(at, properties, patterns, None if rest is None else at.down(rest)))
    both: Mapping[str, Any] = schema.get("dependencies", {}) if at.dialect == DRAFT_7 else {}
    for name, names in {
        **{k: v for k, v in both.items() if isinstance(v, list)},
        **schema.get("dependentRequired", {}),
    }.items():
        shape.needs.setdefault(name, set()).update(names)
    for name, each in {
        **{k: v for k, v in both.items() if not isinstance(v, list)},
        **schema.get("dependentSchemas", {}),
    }.items():
        shape.dependent.setdefault(name, []).append(at.down(each))


def _read_items(shape: Shape, at: Located, schema: dict[str, Any]) -> None:
    items = schema.get("items")
    if isinstance(items, list):
        prefix, rest = items, schema.get("additionalItems")
    else:
        prefix, rest = schema.get("prefixItems", []), items
    if "unevaluatedItems" in schema and rest is None:
        if _is_alone(schema) and "contains" not in schema:
            rest = schema["unevaluatedItems"]
        else:
            shape.opaque.add("unevaluatedItems")
    if prefix or rest is not None:
        shape.arrays.append(ArrayRule([at.down(item) for item in prefix], None if rest is None else at.down(rest)))
    if "contains" in schema:
        contained = Contained(at.down(schema["contains"]), schema.get("minContains", 1), schema.get("maxContains"))
        shape.contains.append(contained)


_APPLICATORS = ("$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "not")


def _is_alone(schema: Schema) -> bool:
    """Return whether nothing in place says more of the members, so that `unevaluated…` is what `additional…` is."""
    return isinstance(schema, dict) and not any(name in schema for name in _APPLICATORS)


def _limit(limits: dict[str, Limit], keyword: str, value: Any, *, exclusive: bool = False) -> None:
    sign = LIMITS[keyword][0]
    limit = (value, sign * exclusive)
    limits[keyword] = (max if sign > 0 else min)(limit, limits.get(keyword, limit))


def _settle(shape: Shape) -> None:
    """Let enumerated values and required members say what follows from them."""
    shape.known = dict(shape.limits)
    if shape.values is not None:
        shape.values = {key: value for key, value in shape.values.items() if type_of(value) in shape.types}
        shape.types &= {type_of(value) for value in shape.values.values()}
        for low, high, sizes in _sizes(shape.values.values()):
            if sizes:
                _limit(shape.known, low, min(sizes))
                _limit(shape.known, high, max(sizes))
    if shape.required:
        _limit(shape.known, "minProperties", len(shape.required))
    shape.never |= not shape.types


def _sizes(values: Iterable[Any]) -> Iterator[tuple[str, str, list[Any]]]:
    values = list(values)
    yield "minimum", "maximum", [value for value in values if type_of(value) in NUMBERS]
    yield "minLength", "maxLength", [len(value) for value in values if isinstance(value, str)]
