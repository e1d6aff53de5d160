"""The edge answers the OpenAPI document, and what it answers elsewhere is what the document says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from routes import Route, routes

COMMITTED = Path(__file__).parents[2] / "gen" / "openapi" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(COMMITTED.read_bytes())
# Whatever the mesh holds, these answer 200.
PLAIN = [route for route in routes() if route.verb == "GET" and "{" not in route.template and not route.follows]


def test_anyone_may_fetch_the_document(mesh: Any) -> None:
    with mesh.client(key="") as client:
        answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == COMMITTED.read_bytes()


def test_a_key_of_another_kind_does_not_keep_anyone_from_what_is_public(mesh: Any) -> None:
    with mesh.client(key="") as client:
        for path in ("/openapi.json", "/health"):
            assert client.get(path, headers={"authorization": "Basic bm9ib2R5"}).status_code == 200


@pytest.mark.parametrize("route", PLAIN, ids=str)
def test_an_answer_is_what_the_document_says(mesh: Any, route: Route) -> None:
    query = {"profile_id": "none"} if route.template == "/api/records" else {}
    with mesh.client() as client:
        answer = client.get(route.template, params=query)
    said = resolved(DOCUMENT["paths"][route.template]["get"]["responses"][str(answer.status_code)])
    content = said["content"][answer.headers["content-type"]]
    jsonschema_rs.validate({**content["schema"], "components": DOCUMENT["components"]}, answer.json())
    assert all(name in answer.headers for name in said["headers"])


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference leads to."""
    found: Any = DOCUMENT
    for step in value.get("$ref", "").split("/")[1:]:
        found = found[step]
    return found if "$ref" in value else value
