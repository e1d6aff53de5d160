"""Reading a JSON Schema: 2020-12, 2019-09 or draft 7, in JSON or YAML, with all its problems and their places.

A schema that is read here is safe to use: it is valid by its metaschema, each reference leads to something that is there,
nothing loops, one value is checked against a bounded number of subschemas, and each pattern takes linear time, because
the engine for them (Rust's `regex`) has no backtracking. A pattern with look-around or back-references is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import Any, cast

import jsonschema_rs
from chartly.contracts.checks.quick_json import NotQuick, quick_json
from chartly.contracts.digest import schema_digest
from chartly.contracts.schemas.patterns import PATTERNS, REFUSED, is_read
from chartly.contracts.schemas.tree import (
    DEFAULT_DIALECT,
    DIALECTS,
    DRAFT_7,
    REFERENCE_KEYWORDS,
    Located,
    Schema,
    Steps,
    identified,
    locate,
    locate_alone,
    stands_alone,
    walk,
)
from chartly.contracts.schemas.weight import MAX_WEIGHT, Overweight, check_weight
from chartly.engine.document import Entry, Listing, Node, Place, Scalar, Syntax, plain, read_document
from chartly.engine.document import Mapping as Fields
from chartly.engine.errors import InvalidDocument, Problem

MAX_SIZE_BYTES = 8 << 20
MAX_DEPTH = 100
_NOWHERE = Scalar(Place(1, 1), True, "true")


@dataclass(frozen=True)
class SchemaDocument:
    """A JSON Schema that is safe to use, as `read_schema` returns it.

    value: the schema. tree: reads the same with its places. dialect: URI of its metaschema, without `#`.
    references: the schemas that its `$ref`s lead to, by the URI that they name. alone: whether it surely has no `$ref`.
    """

    value: Schema
    dialect: str
    references: Mapping[str, SchemaDocument] = field(default_factory=dict)
    text: bytes = b""
    tree: Callable[[], Node] = field(default=lambda: _NOWHERE, repr=False, compare=False)
    alone: bool = field(default=False, repr=False, compare=False)

    @cached_property
    def root(self) -> Located:
        """The schema, ready to follow its references."""
        if self.alone:
            return locate_alone(self.value, self.dialect)
        return locate(self.value, self.dialect, self._schemas())

    @cached_property
    def digest(self) -> str:
        """Its content address, `sha256:…`."""
        references = {name: other.digest for name, other in self.references.items()}
        return schema_digest("JSON_SCHEMA", self.text, self.value, references)

    def validator(self) -> jsonschema_rs.Validator:
        """Return what checks values: formats are rules, patterns take linear time, nothing is fetched."""
        return self._validator(self.value, self._schemas())

    def validator_of_lists(self) -> jsonschema_rs.Validator:
        """Return what checks a list of values at once, each by this schema."""
        name = str(self.value.get("$id", _NAME)) if isinstance(self.value, dict) else _NAME
        return self._validator({"type": "array", "items": {"$ref": name}}, {**self._schemas(), name: self.value})

    def _validator(self, by: Schema, schemas: dict[str, Schema]) -> jsonschema_rs.Validator:
        draft = _DRAFTS[self.dialect]
        registry = jsonschema_rs.Registry(list(schemas.items()), draft=draft) if schemas else None
        return jsonschema_rs.validator_for(
            by if isinstance(by, bool) else {"$schema": self.dialect} | by,
            registry=registry,
            validate_formats=True,
            formats=_FORMATS if "decimal" in str((by, schemas)) else None,  # with any, checking takes 1.4 times as long
            pattern_options=PATTERNS,
            offline=True,
        )

    def place(self, steps: Steps) -> Place:
        """Return where a part of the schema stands, or the nearest part above it."""
        return place_of(self.tree(), steps)

    def others(self) -> list[Schema]:
        """Return the schemas that it refers to, also through others."""
        return [schema for _, schema in sorted(self._schemas().items(), key=lambda named: named[0])]

    def _schemas(self) -> dict[str, Schema]:
        """Return the schemas that it refers to, also through others; the nearest one has a name."""
        found: dict[str, Schema] = {}
        for name, other in self.references.items():
            found = other._schemas() | found | {name: other.value}
        return found


def read_schema(
    text: bytes, syntax: Syntax = "json", *, references: Mapping[str, SchemaDocument] | None = None
) -> SchemaDocument:
    """Return the JSON Schema that a text describes.

    Args:
        text: UTF-8, at most 8 MiB and 100 levels.
        syntax: `json`, or `yaml` as profiles are written.
        references: schemas that it may refer to, by the URI that its `$ref`s name.

    Raises:
        InvalidDocument: with each problem and its place.
    """
    tree = cache(partial(read_document, text, syntax, max_size_bytes=MAX_SIZE_BYTES, max_depth=MAX_DEPTH))
    try:
        value = (
            quick_json(text, max_size_bytes=MAX_SIZE_BYTES, max_depth=MAX_DEPTH) if syntax == "json" else plain(tree())
        )
    except NotQuick:
        value = plain(tree())
    return schema_of(value, references=references, text=text, tree=tree)


def schema_of(
    value: Any,
    *,
    references: Mapping[str, SchemaDocument] | None = None,
    text: bytes = b"",
    tree: Callable[[], Node] = lambda: _NOWHERE,
) -> SchemaDocument:
    """Return a schema that is there as a value, checked as `read_schema` does it; without a tree at line 1, column 1.

    Raises:
        InvalidDocument: with each problem.
    """
    checking = _Checking(tree)
    dialect = checking.dialect(value)
    parts = list(walk(value, dialect))
    checking.by_metaschema(value, dialect, parts)
    checking.stop()
    alone = len(parts) <= MAX_WEIGHT and stands_alone(parts)
    document = SchemaDocument(cast("Schema", value), dialect, dict(references or {}), text, tree, alone)
    checking.dialects(document)
    if not alone:
        checking.identifiers(document)
        checking.stop()
        checking.references(document)
    checking.stop()
    if not alone:  # a tree of fewer parts than a value may meet cannot ask for more
        checking.weight(document)
    checking.stop()
    document.validator()
    return document


class _Checking:
    """Collects the problems of a schema."""

    def __init__(self, tree: Callable[[], Node]) -> None:
        self._tree = tree
        self._problems: list[Problem] = []

    def stop(self) -> None:
        """Refuse the schema if it has problems, before checks that rely on there being none."""
        if self._problems:
            raise InvalidDocument(self._problems)

    def dialect(self, value: Any) -> str:
        """Return the URI of the dialect; one that is not known is a problem."""
        if not isinstance(value, dict | bool):
            self._add((), "SCHEMA_INVALID", "a schema is a mapping, true or false")
            self.stop()
        stated = value.get("$schema", DEFAULT_DIALECT) if isinstance(value, dict) else DEFAULT_DIALECT
        if (dialect := known_dialect(stated)) is None:
            known = ", ".join(DIALECTS.values())
            self._add(("$schema",), "UNKNOWN_DIALECT", f'"{stated}" is no dialect that is read; these are: {known}')
            self.stop()
        return cast("str", dialect)

    def by_metaschema(self, value: Any, dialect: str, parts: Iterable[tuple[Steps, Schema]]) -> None:
        """Check a schema by its dialect's own, patterns of all its parts included."""
        for error in _metaschema(dialect).iter_errors(value):
            steps = tuple(error.instance_path)
            if error.kind.name == "format" and error.message.endswith('"regex"'):
                continue  # told below, with those that no linear time suffices for
            if steps[-1:] == ("type",) and error.kind.name == "anyOf":
                self._add(steps, "SCHEMA_INVALID", f"{error.instance!r} is no type; these are: {_TYPES}")
            else:
                self._add(steps, "SCHEMA_INVALID", error.message)
        for steps, pattern in _patterns(parts):
            if not is_read(pattern):
                self._add(steps, "PATTERN_REFUSED", f'"{pattern}" {REFUSED}')

    def dialects(self, document: SchemaDocument) -> None:
        """Check that what it refers to is of its own dialect."""
        for name, other in document.references.items():
            if other.dialect != document.dialect:
                words = f"{name} is of {DIALECTS[other.dialect]}, this schema of {DIALECTS[document.dialect]}"
                self._add((), "REFERENCE_DIALECT", f"{words}; both have to be of the same")

    def identifiers(self, document: SchemaDocument) -> None:
        """Check that no two schemas have one `$id`: it would be chance which of them a reference leads to."""
        known: dict[str, Schema] = {}
        for other in document.others():
            for _, identifier, schema in identified(other, document.dialect):
                if known.setdefault(identifier, schema) != schema:
                    self._add((), "ID_REPEATED", f'two schemas that it refers to have the $id "{identifier}"')
        for steps, identifier, schema in identified(document.value, document.dialect):
            if known.setdefault(identifier, schema) != schema:
                self._add((*steps, "$id"), "ID_REPEATED", f'another schema has the $id "{identifier}" too')

    def references(self, document: SchemaDocument) -> None:
        """Check that each reference leads to something, and that no part speaks another dialect."""
        for steps, at in subschemas(document):
            if (
                steps
                and isinstance(at.schema, dict)
                and "$schema" in at.schema
                and known_dialect(at.schema["$schema"]) != at.dialect
            ):
                self._add((*steps, "$schema"), "UNKNOWN_DIALECT", "a part of a schema cannot be of another dialect")
            for keyword, reference in references_of(at):
                try:
                    at.target(reference)
                except LookupError:
                    words = "leads nowhere; nothing is fetched, so name the contract that it leads to as a reference"
                    self._add((*steps, keyword), "REFERENCE_MISSING", f'"{reference}" {words}')

    def weight(self, document: SchemaDocument) -> None:
        """Check what the schema costs."""
        try:
            check_weight(document.root)
        except Overweight as error:
            places = (steps for steps, at in subschemas(document) if at.schema is error.at.schema)
            self._add(next(places, ()), error.reason, str(error))

    def _add(self, steps: Steps, reason: str, message: str) -> None:
        place = place_of(self._tree(), steps)
        self._problems.append(Problem(place.line, place.column, path_of(steps), reason, message))


_DRAFTS = {
    DEFAULT_DIALECT: jsonschema_rs.Draft202012,
    "https://json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909,
    DRAFT_7: jsonschema_rs.Draft7,
}
#: What a schema without a name is called beside others.
_NAME = "https://chartly.dev/contracts/this"
#: A format of ours: a decimal number as text, which is how JSON carries it without loss.
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FORMATS = {"decimal": lambda text: not isinstance(text, str) or bool(_DECIMAL.fullmatch(text))}
_TYPES = "array, boolean, integer, null, number, object, string"


def known_dialect(uri: Any) -> str | None:
    """Return the URI by which a dialect is known here, whether it was written with `#`, http or https; None if it is not."""
    plain_uri = str(uri).removesuffix("#").partition("://")[2]
    return next((known for known in DIALECTS if known.partition("://")[2] == plain_uri), None)


def subschemas(document: SchemaDocument) -> Iterator[tuple[Steps, Located]]:
    """Yield each subschema of the document itself with the steps to it, the whole one first."""
    waiting: list[tuple[Steps, Located]] = [((), document.root)]
    while waiting:
        steps, at = waiting.pop()
        yield steps, at
        waiting += [((*steps, *child.steps), at.down(child.schema)) for child in at.children()]


def _patterns(parts: Iterable[tuple[Steps, Schema]]) -> Iterator[tuple[Steps, str]]:
    for steps, schema in parts:
        if isinstance(schema, dict) and isinstance(pattern := schema.get("pattern"), str):
            yield (*steps, "pattern"), pattern
        if isinstance(schema, dict) and isinstance(table := schema.get("patternProperties"), dict):
            yield from (((*steps, "patternProperties", each), each) for each in table)


def references_of(at: Located) -> list[tuple[str, str]]:
    """Return a schema's own references, by keyword."""
    schema = at.schema if isinstance(at.schema, dict) else {}
    return [(name, value) for name in REFERENCE_KEYWORDS if isinstance(value := schema.get(name), str)]


def path_of(steps: Steps) -> str:
    """Return steps as people write them, as in `properties.price.minimum` and `allOf[1]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def place_of(node: Node, steps: Steps) -> Place:
    """Return where a part of a document stands, by the key of a field, or the nearest part above it."""
    place = node.place
    for step in steps:
        if isinstance(node, Fields) and isinstance(entry := node.entries.get(str(step)), Entry):
            place, node = entry.place, entry.node
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            place = node.place
        else:
            break
    return place


@cache
def _metaschema(dialect: str) -> jsonschema_rs.Validator:
    meta = {"$schema": dialect, "$ref": dialect}
    return jsonschema_rs.validator_for(meta, validate_formats=True, pattern_options=PATTERNS, offline=True)
