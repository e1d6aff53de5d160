"""The normal form of a JSON Schema at one place: what all its parts that speak of the same value ask together.

`$ref` and `allOf` are resolved, so moving a rule into one of them changes nothing. A shape keeps bounds as the tightest of
them, types and enumerated values as what remains, and the rest as a list of demands that all have to be met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from chartly.contracts.patterns import matches
from chartly.contracts.schema_tree import ANNOTATIONS, DEFAULT_DIALECT, DRAFT_7, Located, Schema

#: Types that no value has two of; a `number` is an integer or a fraction.
TYPES = frozenset(("null", "boolean", "object", "array", "string", "integer", "fraction"))
NUMBERS = frozenset(("integer", "fraction"))

Limit = tuple[Any, int]
Parts = tuple[Located, ...]
"""Schemas that a value has to meet all of."""


@dataclass(slots=True)
class ObjectRule:
    """What one schema says of the members of an object; `rest` is for names that neither table has."""

    properties: dict[str, Located] = field(default_factory=dict)
    patterns: dict[str, Located] = field(default_factory=dict)
    rest: Located | None = None

    def of(self, name: str) -> Parts:
        """Return what a member of this name has to meet."""
        named = [self.properties[name]] if name in self.properties else []
        matching = [at for pattern, at in self.patterns.items() if matches(pattern, name)]
        rest = [self.rest] if self.rest and not named and not matching else []
        return (*named, *matching, *rest)


@dataclass(slots=True)
class ArrayRule:
    """What one schema says of the items of an array, first by position, then of the rest."""

    prefix: list[Located] = field(default_factory=list)
    rest: Located | None = None

    def of(self, index: int) -> Parts:
        """Return what the item at an index has to meet."""
        if index < len(self.prefix):
            return (self.prefix[index],)
        return (self.rest,) if self.rest else ()


@dataclass(slots=True)
class Contained:
    """How many items have to meet a schema."""

    schema: Located
    least: int
    most: int | None


@dataclass(slots=True)
class Shape:
    """What a value has to meet.

    limits: as stated, each `(value, rank)`, where the rank orders an exclusive one behind an inclusive one.
    known: limits with those that follow from enumerated values and required members.
    needs, dependent: what follows from a member being there: other members, and what the object has to meet.
    opaque: keywords that cannot be compared.
    """

    parts: Parts
    never: bool = False
    types: frozenset[str] = TYPES
    values: dict[Any, Any] | None = None
    limits: dict[str, Limit] = field(default_factory=dict)
    known: dict[str, Limit] = field(default_factory=dict)
    multiples: set[Fraction] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)
    formats: set[str] = field(default_factory=set)
    unique: bool = False
    arrays: list[ArrayRule] = field(default_factory=list)
    contains: list[Contained] = field(default_factory=list)
    objects: list[ObjectRule] = field(default_factory=list)
    names: list[Located] = field(default_factory=list)
    required: set[str] = field(default_factory=set)
    needs: dict[str, set[str]] = field(default_factory=dict)
    dependent: dict[str, list[Located]] = field(default_factory=dict)
    any_of: list[list[Located]] = field(default_factory=list)
    one_of: list[list[Located]] = field(default_factory=list)
    nots: list[Located] = field(default_factory=list)
    conditions: list[Located] = field(default_factory=list)
    opaque: set[str] = field(default_factory=set)

    @property
    def key(self) -> frozenset[int]:
        """What tells it from others while the documents live."""
        return frozenset(id(part.schema) for part in self.parts)

    def member(self, name: str) -> Parts:
        """Return what a member of this name has to meet."""
        return tuple(part for rule in self.objects for part in rule.of(name))

    def item(self, index: int) -> Parts:
        """Return what the item at an index has to meet."""
        return tuple(part for rule in self.arrays for part in rule.of(index))


#: Limits by keyword: which way is tighter, and the type that they are about.
LIMITS = {
    "minimum": (1, NUMBERS),
    "maximum": (-1, NUMBERS),
    "minLength": (1, frozenset(("string",))),
    "maxLength": (-1, frozenset(("string",))),
    "minItems": (1, frozenset(("array",))),
    "maxItems": (-1, frozenset(("array",))),
    "minProperties": (1, frozenset(("object",))),
    "maxProperties": (-1, frozenset(("object",))),
}
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
            _read(shape, part, {name: value for name, value in part.schema.items() if name not in foreign})
    _settle(shape)
    return shape


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
    tables = [{name: at.down(each) for name, each in schema.get(key, {}).items()} for key in _TABLES]
    if rest is not None or any(tables):
        shape.objects.append(ObjectRule(tables[0], tables[1], None if rest is None else at.down(rest)))
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


_TABLES = ("properties", "patternProperties")
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


def type_of(value: Any) -> str:
    """Return the type of a JSON value, one of `TYPES`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return "integer" if Fraction(value).denominator == 1 else "fraction"


def identity(value: Any) -> Any:
    """Return what two JSON values have in common exactly if JSON Schema calls them equal: 1 is 1.0, and no truth value."""
    if isinstance(value, list):
        return ("array", tuple(identity(item) for item in value))
    if isinstance(value, dict):
        return ("object", frozenset((name, identity(item)) for name, item in value.items()))
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return ("number", Fraction(value))
    return (type(value).__name__, value)
