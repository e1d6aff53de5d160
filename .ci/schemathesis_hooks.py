"""What schemathesis cannot know of this API: raw bodies, how protojson reads, and which refusals a schema cannot foresee."""

import importlib
import os
from typing import Any

import protovalidate
import schemathesis
from google.api import annotations_pb2
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from hypothesis import strategies
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis_examples import EXAMPLES

KEPT = frozenset(os.environ.get("KEPT", "").split())
# The rules of buf.validate that the document expresses, by the first word of their names.
EXPRESSED = frozenset({"bytes", "double", "enum", "int32", "int64", "map", "repeated", "required", "string"})
RAW = {
    "application/x-ndjson": b'{"time": "2026-05-01T03:00:00Z", "gauge": "dover", "level": 3.1}\n',
    "text/csv": b"time,gauge,level\n2026-05-01T04:00:00Z,dover,3.4\n",
    "text/x-protobuf": b'syntax = "proto3"; package a.v1; message A { string b = 1; }',
    "application/vnd.apache.parquet": b"PAR1",
    "application/vnd.apache.arrow.stream": b"\xff\xff\xff\xff",
    "application/zip": b"PK\x05\x06" + bytes(18),
}
for _kind, _example in RAW.items():
    schemathesis.openapi.media_type(_kind, strategies.just(_example) | strategies.binary(max_size=64))


@schemathesis.hook
def before_add_examples(context: Any, examples: list[Any]) -> None:
    """Add the requests that succeed."""
    for one in EXAMPLES:
        if context.operation.definition.raw["operationId"] == one.operation_id:
            body = {} if one.body is None else {"body": one.body, "media_type": one.media_type}
            case = context.operation.Case(path_parameters=dict(one.path), query=dict(one.query), **body)
            case.headers["x-example"] = one.operation_id
            examples.append(case)


@schemathesis.check
def examples_succeed(ctx: Any, response: Any, case: Any) -> None:
    """A request that is given as an example is answered 200."""
    if "x-example" in (case.headers or {}) and response.status_code != 200:
        raise AssertionError(f"an example was answered {response.status_code}: {response.text}")


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out what would delete what the run stands on: its keys, and the profile that all else refers to."""
    named = {str(value) for value in (case.path_parameters or {}).values()}
    return case.method != "DELETE" or not named & KEPT


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Give QUERY a content type: without one it is malformed on every path, and says nothing about this one."""
    if case.method == "QUERY":
        case.headers = {**(case.headers or {}), "content-type": "application/json"}


@schemathesis.check
def valid_data_is_well_formed(ctx: Any, response: Any, case: Any) -> None:
    """A request that fits the document is never refused for its form."""
    try:
        positive_data_acceptance(ctx, response, case)
    except Failure:
        if response.status_code != 400 or is_about_form(response.json()):
            raise


@schemathesis.check
def invalid_data_is_refused(ctx: Any, response: Any, case: Any) -> None:
    """A request that does not fit the document is refused, unless protojson reads it as one that does."""
    try:
        negative_data_rejection(ctx, response, case)
    except Failure:
        if not (is_valid(case) or holds_faults(response)):
            raise


def is_about_form(refusal: dict[str, Any]) -> bool:
    """Whether a request was refused for what the document says, and not for a rule that JSON Schema cannot express."""
    reason = refusal["details"][0]["reason"]
    violations = [violation for detail in refusal["details"] for violation in detail.get("field_violations", ())]
    expressed = any(violation["reason"].partition(".")[0] in EXPRESSED for violation in violations)
    return reason == "ERROR_REASON_MALFORMED_REQUEST" or (reason == "ERROR_REASON_INVALID_FIELD" and expressed)


def holds_faults(response: Any) -> bool:
    """Whether the answer says what is wrong: a route that validates lists problems, and bad records go to quarantine."""
    if response.headers["content-type"] != ["application/json"]:
        return False
    answer = response.json()
    return bool(answer.get("problems")) or answer.get("quarantined_records", "0") != "0"


def is_valid(case: Any) -> bool:
    """Return whether protojson reads a request as a message that breaks no rule.

    As the edge does: an unknown key of a body is passed over, null is as good as absent, also in a list, a list in a list is
    one with it, a single value is a list of one, an enum's number is as good as its name, and a number in quotes as good as
    one without.
    """
    method = method_of(case.operation.definition.raw["operationId"])
    request = message_factory.GetMessageClass(method.input_type)()
    try:
        json_format.ParseDict(plain(content_of(case, method), method.input_type), request, ignore_unknown_fields=True)
    except (json_format.ParseError, TypeError, ValueError):
        return False
    return not protovalidate.collect_violations(request)


def plain(content: dict[str, Any], message: Descriptor) -> dict[str, Any]:
    """Return the JSON of a message without null, and with one list for each list of lists and for each single value."""
    fields = message.fields_by_name
    return {name: _plain(value, fields.get(name)) for name, value in content.items() if value is not None}


def _plain(value: Any, field: FieldDescriptor | None) -> Any:
    kind = field.message_type if field is not None else None
    if field is not None and field.is_repeated and not (kind and kind.GetOptions().map_entry):
        return [plain(one, kind) if kind and isinstance(one, dict) else one for one in _flat(value)]
    return (
        plain(value, kind) if kind and isinstance(value, dict) and not kind.file.package.startswith("google") else value
    )


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [one for item in value for one in _flat(item)]
    return [] if value is None else [value]


def method_of(operation_id: str) -> MethodDescriptor:
    """Return the method of an operation, `RegistryService_GetProfile`."""
    service, _, method = operation_id.partition("_")
    name = service.removesuffix("Service").lower()
    messages = importlib.import_module(f"chartly.api.{name}.v1.{name}_pb2")
    return messages.DESCRIPTOR.services_by_name[service].methods_by_name[method]


def content_of(case: Any, method: MethodDescriptor) -> dict[str, Any]:
    """Return all that a case says as the JSON of its request; a body that is not there is an empty message."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    body = case.body if isinstance(case.body, dict) else {}
    content: dict[str, Any] = dict(body) if rule.body == "*" else {rule.body: body} if rule.body else {}
    for name, value in (case.query or {}).items():
        *parents, leaf = name.split(".")
        inner = content
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[leaf] = value
    return content | dict(case.path_parameters or {})
