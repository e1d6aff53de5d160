"""One route as an operation: its parameters, its body, its answers, and what the contract says besides."""

from typing import Any

from chartly.tools.schema_gen.openapi_errors import Errors
from chartly.tools.schema_gen.openapi_routes import Route, message_of
from chartly.tools.schema_gen.openapi_schemas import Schemas
from google.protobuf.descriptor import Descriptor, FieldDescriptor

_REQUEST_ID = {"x-request-id": {"$ref": "#/components/headers/x-request-id"}}
_ANYTHING = "*/*"
# What a viewer may not read, and so nobody without a key.
_SECRET = "auth.keys.read"  # noqa: S105


def operation(route: Route, schemas: Schemas, errors: Errors) -> dict[str, Any]:
    """Return the operation of a route."""
    said: dict[str, Any] = {
        "operationId": f"{route.service}_{route.method.name}",
        "tags": [route.service],
        "summary": route.comment.split("\n")[0].split(". ")[0].rstrip("."),
        "description": route.comment,
        "parameters": [_parameter(*parameter, route, schemas) for parameter in route.parameters],
    }
    if route.has_body:
        content = {kind: _body(kind, route, schemas) for kind in route.body_types()}
        said["requestBody"] = {"required": _needs_body(route, schemas), "content": content}
    said["responses"] = {"200": _success(route, schemas), **errors.of(route)}
    said["security"] = _security(route.permission)
    if route.permission:
        said["x-permission"] = route.permission
    return said | {"x-retry-safe": route.retry_safe, "x-deadline-seconds": route.deadline_seconds}


def _security(permission: str) -> list[dict[str, list[str]]]:
    if not permission:
        return []
    key: dict[str, list[str]] = {"key": []}
    # Without a key a caller may read, unless the mesh was started with `--no-anonymous`.
    return [key, {}] if permission.endswith(".read") and permission != _SECRET else [key]


def _parameter(name: str, field: FieldDescriptor, place: str, route: Route, schemas: Schemas) -> dict[str, Any]:
    schema, is_required = schemas.parameter(field)
    return {
        "name": name,
        "in": place,
        "required": is_required or place == "path",
        "description": route.comments[field.full_name],
        "schema": schema,
    }


def _needs_body(route: Route, schemas: Schemas) -> bool:
    """Return whether a body has to be there: bytes of any type may be none, and no body is an empty message."""
    if route.raw_body:
        return _ANYTHING not in route.body_types()
    return schemas.needs(_typed_body(route), _elsewhere(route))


def _typed_body(route: Route) -> Descriptor:
    return message_of(route.body) if route.body is not None else route.method.input_type


def _elsewhere(route: Route) -> frozenset[str]:
    """Return the fields that the body lacks because they stand in the path."""
    return frozenset() if route.body is not None else route.in_path


def _body(kind: str, route: Route, schemas: Schemas) -> dict[str, Any]:
    if not route.raw_body:
        return {"schema": schemas.rest_of(_typed_body(route), _elsewhere(route))}
    if route.document is not None and kind in ("application/json", "application/yaml"):
        return {"schema": schemas.document(route.document)}
    return _raw(kind)


def _success(route: Route, schemas: Schemas) -> dict[str, Any]:
    content = {kind: _answer(kind, route, schemas) for kind in route.answer_types()}
    return {"description": "Done.", "headers": _REQUEST_ID, "content": content}


def _answer(kind: str, route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.raw_answer:
        return _raw(kind)
    return {"schema": schemas.message(message_of(route.answer) if route.answer else route.method.output_type)}


def _raw(kind: str) -> dict[str, Any]:
    """Return what is known of bytes of a media type: JSON is an object, text is text, and of the rest nothing is."""
    if kind == "application/json" or kind.endswith("+json"):
        return {"schema": {"type": "object"}}
    return {"schema": {"type": "string"}} if kind.startswith("text/") or kind.endswith("ndjson") else {}
