"""The normal form of a JSON Schema at one place: what all its parts that speak of the same value ask together.

`$ref` and `allOf` are resolved, so moving a rule into one of them changes nothing. A shape keeps bounds as the tightest of
them, types and enumerated values as what remains, and the rest as a list of demands that all have to be met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from chartly.contracts.schemas.patterns import matches
from chartly.contracts.schemas.tree import Located, Schema

#: Types that no value has two of; a `number` is an integer or a fraction.
TYPES = frozenset(("null", "boolean", "object", "array", "string", "integer", "fraction"))
NUMBERS = frozenset(("integer", "fraction"))

Limit = tuple[Any, int]
Parts = tuple[Located, ...]
"""Schemas that a value has to meet all of."""


@dataclass(slots=True)
class ObjectRule:
    """What one schema, `at`, says of the members of an object; `rest` is for names that neither table has."""

    at: Located
    properties: Mapping[str, Schema]
    patterns: Mapping[str, Located]
    rest: Located | None

    def of(self, name: str) -> Parts:
        """Return what a member of this name has to meet."""
        named = [self.at.down(self.properties[name])] if name in self.properties else []
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
