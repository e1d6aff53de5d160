"""Contracts of every kind by one set of verbs: read, compare, lint, export.

What a kind needs beyond that is in its own modules; those are loaded when first used, for most programs meet one kind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chartly.contracts.digest import files_digest
from chartly.contracts.errors import NotExportable
from chartly.contracts.report import PROTO_LAYERS, SCHEMA_LAYERS, Finding, Layer
from chartly.engine import InvalidDocument, Problem
from chartly.engine.document import Syntax

if TYPE_CHECKING:
    from chartly.contracts.odcs.document import DataContract
    from chartly.contracts.protos.files import CompiledProtos
    from chartly.contracts.protos.model import ProtoModel
    from chartly.contracts.rows.columns import Row
    from chartly.contracts.schemas.document import SchemaDocument
    from google.protobuf.descriptor_pb2 import DescriptorProto

# What a document takes in memory for each byte of it, as measured on contracts of 13 and of 100 fields.
_SCHEMA_FACTOR, _PROTO_FACTOR = 18, 24
MAX_REACH = 1000
"""How many references, each way to one counted, a document may need."""


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
    message: for protos, full name of the message that records are checked against; empty for the first one of the files by path.
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
class OdcsForm(Form):
    """A data contract."""

    contract: DataContract = field(kw_only=True)


@dataclass(frozen=True)
class ProtoForm(Form):
    """Proto files; `message` is the full name of the one that records are checked against, empty where there is none."""

    protos: CompiledProtos = field(kw_only=True)
    message: str = field(kw_only=True)

    @cached_property
    def model(self) -> ProtoModel:
        """The files as they are compared."""
        from chartly.contracts.protos.model import read_model

        return read_model(self.protos.descriptors)


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
    readers = {Kind.PROTO: _read_protos, Kind.JSON_SCHEMA: _read_schema, Kind.ODCS: _read_odcs}
    return readers[source.kind](source, references)


def compare(old: Form, new: Form) -> tuple[Finding, ...]:
    """Return what changed between two documents of one kind."""
    match old, new:
        case ProtoForm(), ProtoForm():
            from chartly.contracts.protos.changes import compare_models, record_message_changes

            messages = record_message_changes(old.message, new.message)
            return (*compare_models(old.model, new.model), *messages)
        case SchemaForm(), SchemaForm():
            from chartly.contracts.schemas.changes import compare_schemas

            return compare_schemas(old.schema, new.schema)
        case OdcsForm(), OdcsForm():
            from chartly.contracts.odcs.document import compare_odcs

            return compare_odcs(old.contract, new.contract)
    raise TypeError(f"a document of kind {new.kind} follows none of kind {old.kind}")


def lint(form: Form) -> tuple[Problem, ...]:
    """Return what could be better in a document; nothing of it is wrong."""
    if isinstance(form, SchemaForm):
        from chartly.contracts.schemas.lint import lint as lint_schema

        return lint_schema(form.schema)
    if isinstance(form, OdcsForm):
        from chartly.contracts.odcs.document import lint_odcs

        return lint_odcs(form.contract)
    from chartly.contracts.protos.lint import lint_protos

    assert isinstance(form, ProtoForm)
    return lint_protos(form.protos)


def schema_of_records(form: Form) -> SchemaDocument:
    """Return the JSON Schema that flat records have to meet; further columns are allowed where the document does not say no.

    Raises:
        NotExportable: the protos have no message, or one that is no row.
    """
    from chartly.contracts.schemas.document import schema_of

    if isinstance(form, SchemaForm):
        return form.schema
    if isinstance(form, OdcsForm):
        return form.contract.open_schema
    return schema_of(_row(form, form.digest, "1.0.0").schema(closed=False))


def schema_of_json(form: Form) -> SchemaDocument:
    """Return the JSON Schema of what a document describes, as JSON; of protos, that of their message in protojson.

    Raises:
        NotExportable: the protos have no message.
    """
    if isinstance(form, SchemaForm):
        return form.schema
    if isinstance(form, OdcsForm):
        return form.contract.schema
    from chartly.contracts.messages.schemas import Schemas
    from chartly.contracts.schemas.document import schema_of

    assert isinstance(form, ProtoForm)
    descriptors = form.protos.with_imports().SerializeToString()
    return schema_of(Schemas(descriptors).bundle(_message(form)))


def export(form: Form, wanted: str, *, name: str, version: str, status: str = "active") -> tuple[str, bytes]:
    """Return a document in one of `exports.FORMATS`, as its media type and bytes: as it is written where that is the format.

    Args:
        status: of the contract, `active` or `deprecated`; a data contract made from another kind says it.

    Raises:
        NotExportable: it says what that format cannot carry.
    """
    from chartly.contracts.rows.exports import export_row

    if _OWN_FORMATS[form.kind] == wanted and len(form.source.files) == 1:
        ((path, text),) = form.source.files.items()
        return _media_type(wanted, path), text.encode()
    if wanted == "json_schema":
        return "application/schema+json", _json(schema_of_json(form).value)
    return export_row(replace(_row(form, name, version), status=status), wanted)


def _row(form: Form, name: str, version: str) -> Row:
    if isinstance(form, OdcsForm):
        return form.contract.row()
    if isinstance(form, SchemaForm):
        from chartly.contracts.rows.columns import row_of_schema

        return row_of_schema(form.schema, name=name, version=version)
    from chartly.contracts.protos.rows import row_of_message

    assert isinstance(form, ProtoForm)
    return row_of_message(form.protos, _message(form), name=name, version=version)


def _message(form: ProtoForm) -> str:
    if not form.message:
        raise NotExportable("", "its files have no message")
    return form.message


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


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
    if kind is Kind.ODCS and references:
        problems.append(_problem("REFERENCE_KIND", "a data contract refers to no other contract"))
    if sum(form.reach for form in references.values()) > MAX_REACH:
        problems.append(_problem("TOO_MANY_REFERENCES", f"its references lead to more than {MAX_REACH} documents"))
    if problems:
        raise InvalidDocument(problems)


def _problem(reason: str, message: str) -> Problem:
    return Problem(0, 0, "references", reason, message)


def _read_schema(source: Source, references: Mapping[str, Form]) -> SchemaForm:
    from chartly.contracts.schemas.document import read_schema

    ((path, text),) = source.files.items()
    needed = {name: form.schema for name, form in references.items() if isinstance(form, SchemaForm)}
    syntax: Syntax = "yaml" if path.endswith((".yaml", ".yml")) else "json"
    schema = read_schema(text.encode(), syntax, references=needed)
    size = _SCHEMA_FACTOR * source.size_bytes
    return SchemaForm(source, schema.digest, frozenset(_properties(schema.value)), size, references, schema=schema)


def _properties(schema: object) -> Iterator[str]:
    """Yield the names in each `properties`. A property that is called so adds a few more, which does a search no harm."""
    waiting: list[Any] = [[schema]]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(named := part.get("properties"), dict):
                yield from named
            part = part.values()
        waiting += [each for each in part if isinstance(each, dict | list)]


def _read_odcs(source: Source, references: Mapping[str, Form]) -> OdcsForm:
    from chartly.contracts.odcs.document import read_odcs

    ((path, text),) = source.files.items()
    contract = read_odcs(text.encode(), "json" if path.endswith(".json") else "yaml")
    size = _SCHEMA_FACTOR * source.size_bytes
    return OdcsForm(source, contract.digest, frozenset(_properties(contract.schema.value)), size, contract=contract)


def _read_protos(source: Source, references: Mapping[str, Form]) -> ProtoForm:
    from chartly.contracts.protos.files import compile_protos

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
    return source.message or min(names, key=lambda name: names[name], default="")


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
