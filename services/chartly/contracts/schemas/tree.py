"""Where a JSON Schema has subschemas, and how its references lead from one to another. Nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

if TYPE_CHECKING:
    import referencing
    from referencing._core import Resolver

Schema = dict[str, Any] | bool
Steps = tuple[str | int, ...]

#: The dialects that are read: their URI, and the name by which people know them.
DIALECTS = {
    "https://json-schema.org/draft/2020-12/schema": "2020-12",
    "https://json-schema.org/draft/2019-09/schema": "2019-09",
    "http://json-schema.org/draft-07/schema": "draft-07",
}
DEFAULT_DIALECT = "https://json-schema.org/draft/2020-12/schema"
DRAFT_7 = "http://json-schema.org/draft-07/schema"

REFERENCE_KEYWORDS = ("$ref", "$dynamicRef", "$recursiveRef")
#: Keywords that ask nothing of a value.
_WORDS = ("$comment", "title", "description", "default", "deprecated", "examples", "readOnly", "writeOnly")
ANNOTATIONS = frozenset((*_WORDS, "$schema", "$id", "$anchor"))
#: Keywords that hold subschemas: one, a list, a map or any of these, and what those speak of.
SUBSCHEMAS = {
    **dict.fromkeys(("not", "if", "then", "else"), ("one", "in_place")),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), ("list", "in_place")),
    **dict.fromkeys(("dependentSchemas", "dependencies"), ("map", "in_place")),
    **dict.fromkeys(("properties", "patternProperties"), ("map", "below")),
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties", "propertyNames"), ("one", "below")),
    **dict.fromkeys(("additionalItems", "unevaluatedItems", "contains", "contentSchema"), ("one", "below")),
    "prefixItems": ("list", "below"),
    "items": ("any", "below"),
    **dict.fromkeys(("$defs", "definitions"), ("map", "aside")),
}

_HOLDERS = frozenset(SUBSCHEMAS)
#: Keywords by which a schema has another base, or leads to another schema.
_NAMING = frozenset(("$id", *REFERENCE_KEYWORDS))


class Child(NamedTuple):
    """A subschema, by the keys that lead to it.

    reach: `in_place` where it speaks of the same value, `below` where of a part of it, `aside` where only if referred to.
    """

    steps: Steps
    schema: Schema
    reach: str


@dataclass(frozen=True, slots=True)
class Located:
    """A schema, and what its references are relative to."""

    schema: Schema
    resolver: Resolver[Any]
    dialect: str

    def down(self, schema: Schema) -> Located:
        """Return a subschema of this one."""
        if isinstance(schema, dict) and "$id" in schema:
            return Located(schema, self.resolver.in_subresource(resource(schema, self.dialect)), self.dialect)
        return Located(schema, self.resolver, self.dialect)

    def target(self, reference: str) -> Located:
        """Return what a reference leads to.

        Raises:
            LookupError: to nothing that is there.
        """
        from referencing.exceptions import Unresolvable

        try:
            found = self.resolver.lookup(reference)
        except (Unresolvable, ValueError) as error:
            raise LookupError(reference) from error
        if not isinstance(found.contents, dict | bool):
            raise LookupError(reference)
        return Located(found.contents, found.resolver, self.dialect)

    def children(self) -> Iterator[Child]:
        """Yield the subschemas."""
        return children_of(self.schema, self.dialect)


def children_of(schema: Schema, dialect: str) -> Iterator[Child]:
    """Yield the subschemas of a schema, valid or not; beside a `$ref` of draft 7 only its definitions count."""
    if isinstance(schema, bool):
        return
    alone = dialect == DRAFT_7 and "$ref" in schema
    for keyword, value in schema.items():
        if keyword not in SUBSCHEMAS:
            continue
        shape, reach = SUBSCHEMAS[keyword]
        if reach == "aside" or not alone:
            yield from (Child((keyword, *steps), child, reach) for steps, child in _members(value, shape))


def walk(schema: Schema, dialect: str) -> Iterator[tuple[Steps, Schema]]:
    """Yield a schema, valid or not, and each subschema of it with the steps to it, the whole one first."""
    waiting: list[tuple[Steps, Schema]] = [((), schema)]
    while waiting:
        steps, at = waiting.pop()
        yield steps, at
        if isinstance(at, dict) and not _HOLDERS.isdisjoint(at):
            waiting += [((*steps, *child.steps), child.schema) for child in children_of(at, dialect)]


def identified(schema: Schema, dialect: str) -> Iterator[tuple[Steps, str, Schema]]:
    """Yield each part of a schema that has an `$id`, with the steps to it and the whole URI that the `$id` makes."""
    waiting: list[tuple[Steps, Schema, str]] = [((), schema, "")]
    while waiting:
        steps, at, base = waiting.pop()
        if isinstance(at, dict) and isinstance(own := at.get("$id"), str) and not own.startswith("#"):
            base = urljoin(base, own).rstrip("#")
            yield steps, base, at
        waiting += [((*steps, *child.steps), child.schema, base) for child in children_of(at, dialect)]


def _members(value: Any, shape: str) -> Iterator[tuple[Steps, Schema]]:
    if shape == "map" and isinstance(value, dict):
        pairs: Iterator[tuple[str | int, Any]] = iter(value.items())
    elif shape in ("list", "any") and isinstance(value, list):
        pairs = iter(enumerate(value))
    elif shape in ("one", "any") and isinstance(value, dict | bool):
        yield (), value
        return
    else:
        return
    yield from (((key,), schema) for key, schema in pairs if isinstance(schema, dict | bool))


def locate(schema: Schema, dialect: str, references: Mapping[str, Schema]) -> Located:
    """Return a whole schema with what its references may lead to: itself, those given by URI, and the metaschemas."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it ships no types

    root = resource(schema, dialect)
    base = root.id() or ""
    named = [(name, resource(other, dialect)) for name, other in references.items()]
    resolved = [(urljoin(base, name), other) for name, other in named]
    registry = REGISTRY.with_resources([(base, root), *named, *resolved]).crawl()
    return Located(schema, registry.resolver(base), dialect)


def stands_alone(parts: Iterable[tuple[Steps, Schema]]) -> bool:
    """Return whether a schema, as `walk` yields it, neither names nor refers to anything, so that no resolver is ever asked."""
    return all(
        isinstance(at, bool) or (_NAMING.isdisjoint(at) and (not steps or "$schema" not in at)) for steps, at in parts
    )


def locate_alone(schema: Schema, dialect: str) -> Located:
    """Return a whole schema that stands alone."""
    return Located(schema, _no_resolver(), dialect)


@cache
def _no_resolver() -> Resolver[Any]:
    from jsonschema_specifications import REGISTRY

    resolver: Resolver[Any] = REGISTRY.resolver()
    return resolver


def resource(schema: Schema, dialect: str) -> referencing.Resource[Any]:
    """Return a schema as the library for references knows it."""
    return _specification(dialect).create_resource(schema)


@cache
def _specification(dialect: str) -> referencing.Specification[Any]:
    from referencing.jsonschema import specification_with

    return specification_with(dialect)
