"""What could be said better in a JSON Schema. None of it makes the schema wrong."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from chartly.contracts.schemas.document import SchemaDocument, path_of, subschemas
from chartly.contracts.schemas.tree import Located, Steps
from chartly.engine.errors import Problem

_FORMATS = (
    "decimal date date-time time duration email idn-email hostname idn-hostname ipv4 ipv6 uri uri-reference uri-template iri "
    "iri-reference uuid json-pointer relative-json-pointer regex"
)
_KEYWORDS = (
    "$schema $id $anchor $ref $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor $vocabulary $comment $defs "
    "definitions allOf anyOf oneOf not if then else dependentSchemas dependentRequired dependencies prefixItems items "
    "additionalItems contains minContains maxContains properties patternProperties additionalProperties propertyNames "
    "unevaluatedItems unevaluatedProperties type enum const multipleOf maximum exclusiveMaximum minimum "
    "exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems maxProperties minProperties required "
    "title description default deprecated readOnly writeOnly examples format contentEncoding contentMediaType "
    "contentSchema"
)
#: Formats that values are checked by; any other is a word for people.
FORMATS = frozenset(_FORMATS.split())
KEYWORDS = frozenset(_KEYWORDS.split())


def lint(document: SchemaDocument) -> tuple[Problem, ...]:
    """Return what could be better, in the order of the places.

    The reasons are DIALECT_MISSING, DESCRIPTION_MISSING, OBJECT_OPEN, UNKNOWN_KEYWORD, UNKNOWN_FORMAT, NAME_NOT_NFC and
    NAME_COLLIDES: names are compared by their code points, so those that only look alike are two.
    """
    found = [
        _problem(document, (*steps, *more), reason, message)
        for steps, at in subschemas(document)
        if isinstance(at.schema, dict)
        for more, reason, message in _findings(steps, at, at.schema)
    ]
    return tuple(sorted(set(found)))


def _problem(document: SchemaDocument, steps: Steps, reason: str, message: str) -> Problem:
    place = document.place(steps)
    return Problem(place.line, place.column, path_of(steps), reason, message)


def _findings(steps: Steps, at: Located, schema: dict[str, Any]) -> Iterator[tuple[Steps, str, str]]:
    if not steps and "$schema" not in schema:
        yield (), "DIALECT_MISSING", "say by $schema which dialect this is; it is read as 2020-12"
    if steps[-2:-1] == ("properties",) and not {"description", "title", "$ref"} & schema.keys():
        yield (), "DESCRIPTION_MISSING", f"say what {steps[-1]} is, by description"
    closed = {"additionalProperties", "unevaluatedProperties", "patternProperties"} & schema.keys()
    if "properties" in schema and not closed:
        message = (
            "any other name is allowed too, of any type; additionalProperties: false lets properties be added later"
        )
        yield (), "OBJECT_OPEN", message
    for keyword in schema:
        if keyword not in KEYWORDS and not keyword.startswith("x-"):
            yield (keyword,), "UNKNOWN_KEYWORD", f"{keyword} is no keyword of JSON Schema; nothing follows from it"
    if isinstance(name := schema.get("format"), str) and name not in FORMATS:
        yield ("format",), "UNKNOWN_FORMAT", f"{name} is a format that nobody checks"
    for name, reason, message in _names(schema.get("properties", {})):
        yield ("properties", name), reason, message


def _names(names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    first: dict[str, str] = {}
    for name in names:
        folded = unicodedata.normalize("NFC", name)
        if folded != name:
            yield name, "NAME_NOT_NFC", f"write {name} in Unicode form NFC; names are compared by their code points"
        if (other := first.setdefault(folded.casefold(), name)) != name:
            yield name, "NAME_COLLIDES", f"{name} and {other} differ only by case or Unicode form"
