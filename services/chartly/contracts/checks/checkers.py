"""What checks data by a contract of any kind: by its JSON Schema and, for protos, by the rules that a schema cannot say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import protovalidate
from chartly.contracts.checks.validation import Checker, Fault
from chartly.contracts.documents import Form, ProtoForm, schema_of_json
from chartly.contracts.messages.schemas import Schemas
from chartly.contracts.schemas.document import SchemaDocument, schema_of
from chartly.contracts.schemas.tree import Steps
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import Message

_OURS = re.compile(r"(chartly\.api\.\w+\.v\d+)\.\w+(\.\w+)*")


def checker_of(form: Form) -> Checker:
    """Return what checks data by a contract.

    Raises:
        NotExportable: the protos have no message.
    """
    document = schema_of_json(form)
    if not isinstance(form, ProtoForm):
        return Checker(document)
    pool = descriptor_pool.DescriptorPool()
    for file in form.protos.with_imports().file:
        pool.Add(file)
    return _checker(document, message_factory.GetMessageClass(pool.FindMessageTypeByName(form.message)))


def checker_of_message(name: str) -> Checker | None:
    """Return what checks messages of Chartly's own contracts, as `chartly.api.profile.v1.Profile`; None if there is none such."""
    if (kind := _message(name)) is None:
        return None
    files = FileDescriptorSet(file=_files(kind.DESCRIPTOR.file, set()))
    return _checker(schema_of(Schemas(files.SerializeToString()).bundle(name)), kind)


def _checker(document: SchemaDocument, kind: type[Message]) -> Checker:
    """Ask the message's own rules only where the schema leaves some of them out, for that takes longer."""
    is_complete = "x-protovalidate" not in json.dumps(document.value)
    return Checker(document, None if is_complete else lambda value: list(_faults(value, kind)))


def _faults(value: Any, kind: type[Message]) -> Iterator[Fault]:
    try:
        message = json_format.ParseDict(value, kind())
    except json_format.ParseError as error:
        yield Fault((), "protojson", str(error))
        return
    for violation in protovalidate.collect_violations(message):
        yield Fault(_steps(violation.proto.field), str(violation.proto.rule_id), str(violation.proto.message))


def _steps(path: Any) -> Steps:
    steps: list[str | int] = []
    for element in path.elements if path is not None else ():
        steps.append(str(element.field_name))
        if (subscript := element.subscript) is not None:
            steps.append(int(subscript.value) if subscript.field == "index" else str(subscript.value))
    return tuple(steps)


def _message(name: str) -> type[Message] | None:
    if not (package := _OURS.fullmatch(name)):
        return None
    try:
        home = import_module(package[1])
        for module in iter_modules(home.__path__):
            if module.name.endswith("_pb2"):
                import_module(f"{package[1]}.{module.name}")
        return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))
    except (ImportError, KeyError):
        return None


def _files(file: Any, seen: set[str]) -> Iterator[FileDescriptorProto]:
    """Yield a file behind all that it imports."""
    if file.name not in seen:
        seen.add(file.name)
        for needed in file.dependencies:
            yield from _files(needed, seen)
        told = FileDescriptorProto()
        file.CopyToProto(told)
        yield told
