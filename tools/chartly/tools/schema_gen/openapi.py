"""The OpenAPI 3.1 document of all REST routes, as the edge serves them. A pure function of the contracts."""

import json
from collections.abc import Iterator
from typing import Any

from chartly.tools.gen.image import Image
from chartly.tools.schema_gen.openapi_comments import comments_of
from chartly.tools.schema_gen.openapi_errors import Errors
from chartly.tools.schema_gen.openapi_operations import operation
from chartly.tools.schema_gen.openapi_routes import routes_of
from chartly.tools.schema_gen.openapi_schemas import Schemas

_ABOUT = (
    "Profiles, runs, records, reports and the ledger over REST. Names are those of the contracts, in snake_case; a 64-bit "
    "integer is a string in JSON. An error is a google.rpc.Status, whose ErrorInfo has a reason for programs."
)


def openapi(image: Image) -> bytes:
    """Return the document as JSON.

    Raises:
        ValueError: a route takes or answers raw bytes, and no comment says of which media type.
    """
    schemas, errors = Schemas(image), Errors(image)
    routes = list(routes_of(image))
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(routes, key=lambda route: route.path):
        paths.setdefault(route.path, {})[route.verb] = operation(route, schemas, errors)
    document = {
        "openapi": "3.1.1",
        "info": {
            "title": "Chartly",
            "description": _ABOUT,
            "version": "v1",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The edge that answers this document."}],
        "tags": list(_tags(image, {route.service for route in routes})),
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "responses": errors.common_responses(),
            "examples": errors.examples(),
            "headers": {
                "x-request-id": {
                    "description": "Id of the call, in the logs of every service that it went through.",
                    "required": True,
                    "schema": {"type": "string"},
                }
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key, `chk_…`."}},
        },
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _tags(image: Image, services: set[str]) -> Iterator[dict[str, str]]:
    comments = comments_of(image)
    for file in image.own_files():
        for service in file.service:
            if service.name in services:
                yield {"name": service.name, "description": comments[f"{file.package}.{service.name}"]}
