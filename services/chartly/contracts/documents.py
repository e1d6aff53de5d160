"""Contracts of every kind by one set of verbs: read, compare, lint, export.

What a kind needs beyond that is in its own modules; those are loaded when first used, for most programs meet one kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from chartly.contracts.digest import files_digest
from chartly.contracts.report import PROTO_LAYERS, SCHEMA_LAYERS, Finding, Layer
from chartly.engine import InvalidDocument, Problem
from chartly.engine.document import Syntax

if TYPE_CHECKING:
    from chartly.contracts.protos import CompiledProtos
    from chartly.contracts.schema_document import SchemaDocument
    from google.protobuf.descriptor_pb2 import DescriptorProto

# What a document takes in memory for each byte of it, as measured on contracts of 100 fields.
_SCHEMA_FACTOR, _PROTO_FACTOR = 40, 30
MAX_REACH = 1000
"""How many references, each way to one counted, a document may need."""


FORMATS = ("json_schema", "odcs", "avro", "proto")


class NotExportable(Exception):
    """A document says what a format cannot carry; `path` is where."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class Kind(StrEnum):
    """What a contract's documents are; the names are those of `chartly.api.registry.v1.ContractKind`."""

    PROTO = "PROTO"
    JSON_SCHEMA = "JSON_SCHEMA"
    ODCS = "ODCS"


_OWN_FORMATS = {Kind.PROTO: "proto", Kind.JSON_SCHEMA: "json_schema", Kind.ODCS: "odcs"}


@dataclass(frozen=True, slots=True)
class Source:
    """A document as it is written.

    files: text by path, one for a JSON Schema or a data contract.
    message: for protos, full name of the message that records are checked against; empty for the first of the first file.
    """

    kind: Kind
    files: Mapping[str, str]
    message: str = ""

    @property
    def size_bytes(self) -> int:
        """Size of all files, in UTF-8."""
        return sum(len(text) if text.isascii() else len(text.encode()) for text in self.files.values())


@dataclass(frozen=True)
class Form:
    """A document that has been read.

    digest: its content address.
    names: of its fields, to find it by.
    size_bytes: about how much memory it takes.
    references: what it needs, by the name that it calls it.
    """

    source: Source
    digest: str
    names: frozenset[str]
    size_bytes: int
    references: Mapping[str, Form] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """What the document is."""
        return self.source.kind

    @property
    def reach(self) -> int:
        """How many documents it takes, itself counted once and the others once for each way that leads to them."""
        return 1 + sum(form.reach for form in self.references.values())


@dataclass(frozen=True)
class SchemaForm(Form):
    """A JSON Schema."""

    schema: SchemaDocument = field(kw_only=True)


@dataclass(frozen=True)
class ProtoForm(Form):
    """Proto files; `message` is the full name of the one that records are checked against, empty where there is none."""

    protos: CompiledProtos = field(kw_only=True)
    message: str = field(kw_only=True)


def kind_of(files: Mapping[str, str]) -> Kind:
    """Return what files are, by their names, and for YAML and JSON by their first words."""
    if any(path.endswith(".proto") for path in files):
        return Kind.PROTO
    text = next(iter(files.values()), "")
    return (
        Kind.ODCS
        if re.search(r"""^[ {]*["']?kind["']?\s*:\s*["']?DataContract\b""", text, re.MULTILINE)
        else Kind.JSON_SCHEMA
    )


def layers_of(kind: Kind) -> tuple[Layer, ...]:
    """Return the layers on which documents of a kind can fit or not."""
    return PROTO_LAYERS if kind is Kind.PROTO else SCHEMA_LAYERS


def read(source: Source, references: Mapping[str, Form] | None = None) -> Form:
    """Return a document that has been read.

    Args:
        references: the contracts that it needs, by the path that it imports or the URI that its `$ref`s name.

    Raises:
        InvalidDocument: with each problem and its place.
    """
    references = references or {}
    _check_references(source.kind, references)
    if source.kind is Kind.PROTO:
        return _read_protos(source, references)
    return _read_schema(source, references)


def compare(old: Form, new: Form) -> tuple[Finding, ...]:
    """Return what changed between two documents of one kind."""
    if isinstance(old, ProtoForm) and isinstance(new, ProtoForm):
        from chartly.contracts.proto_changes import compare_protos

        return tuple(compare_protos(old.protos, new.protos))
    from chartly.contracts.schema_changes import compare_schemas

    assert isinstance(old, SchemaForm)
    assert isinstance(new, SchemaForm)
    return tuple(compare_schemas(old.schema, new.schema))


def lint(form: Form) -> tuple[Problem, ...]:
    """Return what could be better in a document; nothing of it is wrong."""
    if isinstance(form, SchemaForm):
        from chartly.contracts import schema_lint

        return schema_lint.lint(form.schema)
    return ()


def export(form: Form, wanted: str, *, name: str, version: str) -> tuple[str, bytes]:
    """Return a document in one of FORMATS, as its media type and bytes.

    Raises:
        NotExportable: it says what that format cannot carry.
    """
    if _OWN_FORMATS[form.kind] == wanted and len(form.source.files) == 1:
        ((path, text),) = form.source.files.items()
        return _media_type(wanted, path), text.encode()
    raise NotExportable("", f"a document of kind {form.kind} is not written as {wanted}")


def _media_type(wanted: str, path: str) -> str:
    if wanted == "proto":
        return "text/x-protobuf"
    if path.endswith((".yaml", ".yml")):
        return "application/yaml"
    return "application/schema+json" if wanted == "json_schema" else "application/json"


def _check_references(kind: Kind, references: Mapping[str, Form]) -> None:
    problems = [
        _problem("REFERENCE_KIND", f"{name} is of kind {form.kind}, and a document of kind {kind} needs its own kind")
        for name, form in references.items()
        if form.kind is not kind
    ]
    if sum(form.reach for form in references.values()) > MAX_REACH:
        problems.append(_problem("TOO_MANY_REFERENCES", f"its references lead to more than {MAX_REACH} documents"))
    if problems:
        raise InvalidDocument(problems)


def _problem(reason: str, message: str) -> Problem:
    return Problem(0, 0, "references", reason, message)


def _read_schema(source: Source, references: Mapping[str, Form]) -> SchemaForm:
    from chartly.contracts.schema_document import read_schema

    ((path, text),) = source.files.items()
    needed = {name: form.schema for name, form in references.items() if isinstance(form, SchemaForm)}
    syntax: Syntax = "yaml" if path.endswith((".yaml", ".yml")) else "json"
    schema = read_schema(text.encode(), syntax, references=needed)
    size = _SCHEMA_FACTOR * source.size_bytes
    return SchemaForm(source, schema.digest, frozenset(_properties(schema)), size, references, schema=schema)


def _properties(schema: SchemaDocument) -> Iterator[str]:
    from chartly.contracts.schema_document import subschemas

    return (str(steps[-1]) for steps, _ in subschemas(schema) if steps[-2:-1] == ("properties",))


def _read_protos(source: Source, references: Mapping[str, Form]) -> ProtoForm:
    from chartly.contracts.protos import compile_protos

    protos = compile_protos(source.files, _files_of(references))
    message = _message_of(protos, source)
    pinned = {name: form.digest for name, form in references.items()}
    digest = files_digest(source.kind, source.files, message=source.message, references=pinned)
    size = _PROTO_FACTOR * source.size_bytes
    return ProtoForm(source, digest, frozenset(_fields(protos)), size, references, protos=protos, message=message)


def _files_of(references: Mapping[str, Form]) -> dict[str, str]:
    """Return the files of referenced contracts by the paths that import them: their own, or the name for one of one file."""
    files: dict[str, str] = {}
    for name, form in references.items():
        own = dict(form.source.files)
        if name not in own:
            if len(own) > 1:
                raise InvalidDocument([_problem("REFERENCE_NAME", f"{name} is none of its files: {', '.join(own)}")])
            own = dict(zip([name], own.values(), strict=True))
        for path, text in (_files_of(form.references) | own).items():
            if files.setdefault(path, text) != text:
                raise InvalidDocument(
                    [_problem("REFERENCES_DIFFER", f"two of its references have another {path} each")]
                )
    return files


def _message_of(protos: CompiledProtos, source: Source) -> str:
    names = {name: file.name for file in protos.own_files() for name, _ in _messages(file.package, file.message_type)}
    if source.message and source.message not in names:
        message = f"{source.message} is no message of its files"
        raise InvalidDocument([Problem(0, 0, "message", "MESSAGE_NOT_FOUND", message)])
    first = next(iter(source.files))
    return source.message or next((name for name, path in names.items() if path == first), "")


def _fields(protos: CompiledProtos) -> Iterator[str]:
    for file in protos.own_files():
        for name, message in _messages(file.package, file.message_type):
            yield name
            yield from (each.name for each in message.field)


def _messages(scope: str, messages: Iterable[DescriptorProto]) -> Iterator[tuple[str, DescriptorProto]]:
    for message in messages:
        name = f"{scope}.{message.name}".removeprefix(".")
        yield name, message
        yield from _messages(name, message.nested_type)
