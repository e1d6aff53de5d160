"""The OpenAPI document says what the contracts say, of every route and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.gateway.v1 import gateway_pb2
from chartly.auth.permissions import declared_permissions
from chartly.auth.roles import ANONYMOUS_ROLE, Roles
from chartly.gateway.servicer import GatewayServicer
from chartly.tools.gen.image import compile_protos
from chartly.tools.schema_gen.openapi import openapi
from openapi_spec_validator import OpenAPIV31SpecValidator
from routes import Route, routes

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "gen" / "openapi" / "openapi.json"
ROUTES = list(routes())
NAMED = re.compile(r"\b[A-Z]{2}[A-Z_]+ \(([A-Z_, ]+)\)")
# Damage of what is stored, code DATA_LOSS: a 500 is no promise.
NEVER = {"ARTIFACT_CORRUPT"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(COMMITTED.read_bytes())
    return document


def operation_of(document: dict[str, Any], route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"][route.template][route.verb.lower()]
    return operation


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference leads to."""
    for step in value.get("$ref", "#").split("/")[1:]:
        document = document[step]
    return document if "$ref" in value else value


def reasons_of(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, set[str]]:
    """Return the reasons of each status that is an error."""
    answers = {
        status: resolved(document, answer) for status, answer in operation["responses"].items() if status != "200"
    }
    return {status: set(answer["content"]["application/json"]["examples"]) for status, answer in answers.items()}


def test_it_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert len(schemas) > 100
    for schema in schemas.values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_it_has_every_route_once_and_no_other(document: dict[str, Any]) -> None:
    documented = {
        (path, verb): operation["operationId"]
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
    }
    expected = {
        (route.template, route.verb.lower()): "_".join(route.contract.path.rpartition(".")[2].split("/"))
        for route in ROUTES
    }
    assert documented == expected
    assert len(set(documented.values())) == len(ROUTES) > 50


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_an_operation_says_what_its_method_says(document: dict[str, Any], route: Route) -> None:
    operation = operation_of(document, route)
    in_path = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
    assert in_path == set(re.findall(r"\{(\w+)\}", route.template))
    assert operation["x-retry-safe"] == route.contract.retry_safe
    assert operation["x-deadline-seconds"] == route.contract.deadline_seconds
    assert operation.get("x-permission", "") == route.contract.permission
    anonymous = Roles(declared_permissions()).permissions([ANONYMOUS_ROLE])
    keyless = not route.contract.permission or route.contract.permission in anonymous
    assert (not operation["security"] or {} in operation["security"]) == keyless


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_an_operation_names_the_errors_of_its_comment(document: dict[str, Any], route: Route) -> None:
    operation = operation_of(document, route)
    by_status = reasons_of(document, operation)
    assert "500" not in by_status
    named = {name for names in NAMED.findall(operation["description"]) for name in names.split(", ")} - NEVER
    documented = set().union(*by_status.values())
    assert named <= documented <= {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()[1:]}
    assert {"MALFORMED_REQUEST", "ROUTE_NOT_FOUND", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED"} <= documented
    assert ("401" in by_status and "403" in by_status) == bool(route.contract.permission)


def test_every_example_is_a_status(document: dict[str, Any]) -> None:
    status = jsonschema_rs.validator_for(
        {"$ref": "#/components/schemas/google.rpc.Status", "components": document["components"]}
    )
    for name, example in document["components"]["examples"].items():
        status.validate(example["value"])
        assert example["value"]["details"][0]["reason"] == f"ERROR_REASON_{name}"


def test_raw_bodies_have_their_media_types(document: dict[str, Any]) -> None:
    bodies = {
        path: set(document["paths"][path]["post"]["requestBody"]["content"])
        for path in (
            "/api/profiles",
            "/api/profiles/{profile_id}/records",
            "/api/artifacts",
            "/api/work/{work_id}:cancel",
        )
    }
    files = {
        "application/x-ndjson",
        "text/csv",
        "application/vnd.apache.parquet",
        "application/vnd.apache.arrow.stream",
    }
    assert list(bodies.values()) == [{"application/json", "application/yaml"}, files, {"*/*"}, {"application/json"}]


def test_a_profile_is_a_profile_and_a_submission_holds_objects(document: dict[str, Any]) -> None:
    profile = document["paths"]["/api/profiles"]["post"]["requestBody"]["content"]["application/yaml"]["schema"]
    assert profile == {"$ref": "#/components/schemas/chartly.api.profile.v1.Profile"}
    submission = document["paths"]["/api/results"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert submission["properties"]["data"]["items"] == {"type": "object"}


@pytest.mark.parametrize(
    "environment", [{"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}, {"PYTHONHASHSEED": "2", "LC_ALL": "C"}]
)
def test_it_is_the_same_under_every_hash_seed_time_zone_and_locale(environment: dict[str, str], tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from chartly.tools.gen.image import compile_protos;"
        "from chartly.tools.schema_gen.openapi import openapi;"
        "sys.stdout.buffer.write(openapi(compile_protos(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", program, str(ROOT / "proto")]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, check=True)
    assert done.stdout == COMMITTED.read_bytes()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('get: "/api/status"', 'get: "/api/state"'),
        ("Answers how each of the nine services is.", "Answers how the services are."),
        ('"gateway.status.read"', '"gateway.mesh.read"'),
    ],
)
def test_a_route_a_comment_or_a_permission_that_changes_changes_it(tmp_path: Path, old: str, new: str) -> None:
    assert openapi(compile_protos(edited(tmp_path, old, new))) != COMMITTED.read_bytes()


def test_a_raw_answer_whose_comment_names_no_media_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"GatewayService\.WatchEvents: its comment names no media type"):
        openapi(compile_protos(edited(tmp_path, " (`text/event-stream`)", "")))


def test_a_comment_that_names_no_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"GatewayService\.GetHealth: there is no reason MESH_ASLEEP"):
        openapi(compile_protos(edited(tmp_path, "(SERVICE_UNAVAILABLE)", "(MESH_ASLEEP)")))


async def test_the_gateway_answers_it_byte_by_byte() -> None:
    anything: Any = None
    answer = await GatewayServicer(anything, anything, comment_seconds=1).GetOpenApi(
        gateway_pb2.GetOpenApiRequest(), anything
    )
    assert (answer.content_type, answer.data) == ("application/json", COMMITTED.read_bytes())


def edited(folder: Path, old: str, new: str) -> Path:
    """Return a copy of the contracts in which the gateway's has another text."""
    protos = folder / "proto"
    shutil.copytree(ROOT / "proto", protos)
    gateway = protos / "chartly/api/gateway/v1/gateway.proto"
    text = gateway.read_text()
    assert text.count(old) == 1
    gateway.write_text(text.replace(old, new))
    return protos
