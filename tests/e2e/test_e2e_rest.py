"""Every route of the contracts over the real edge: who may call it, what it refuses, and how it says so."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from rest import CSV, YAML, Rest, a_profile, refusal, until
from routes import Route, routes

ROUTES = list(routes())
READS = [route for route in ROUTES if route.is_open]
WRITES = [route for route in ROUTES if not route.is_open]
BEHIND_KEYS = [route for route in ROUTES if route.contract.permission]
# Promises of the finished product that no contract makes yet.
LATER = [
    "GET /",
    "GET /ui/index.html",
    "GET /.well-known/jwks.json",
    "GET /.well-known/openid-configuration",
    "POST /api/profiles/nothing:pause",
    "POST /api/profiles/nothing:resume",
    "POST /api/profiles/nothing:backfill",
    "POST /api/analytics/summarize",
    "POST /api/analytics/anomalies",
    "POST /api/analytics/forecast",
    "POST /api/analytics/drift",
    "POST /api/auth/token",
    "POST /api/auth:check",
    "GET /api/auth/bindings",
    "POST /api/auth/bindings",
    "GET /api/audit/checkpoint",
    "GET /api/audit/tile/0/000",
    "GET /api/audit/proof/inclusion",
    "GET /api/audit/proof/consistency",
]


def sent(rest: Rest, route: Route, **options: Any) -> Any:
    """Call a route with a body that its edge lets pass."""
    if route.verb in ("POST", "PUT"):
        options = {"json": {}, **options}
    return rest.http.request(route.verb, route.path, **options)


@pytest.fixture(scope="session")
def anonymous(mesh: Any) -> Any:
    """A client without a key."""
    with mesh.client(key="") as client:
        yield Rest(client)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_refuses_an_unknown_query_parameter_by_name(rest: Rest, route: Route) -> None:
    refused = refusal(sent(rest, route, params={"bogus": "1"}))
    assert refused[:2] == (400, "MALFORMED_REQUEST")
    assert '"bogus"' in refused.message


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_answers_no_other_verb(rest: Rest, route: Route) -> None:
    verbs = {other.verb for other in ROUTES if other.path == route.path}
    for verb in {"PATCH", "DELETE", "OPTIONS"} - verbs:
        refused = refusal(rest.http.request(verb, route.path))
        assert refused[:2] == (405, "METHOD_NOT_ALLOWED")
        assert refused.metadata == {"method": verb, "path": route.path}


@pytest.mark.parametrize("route", BEHIND_KEYS, ids=str)
def test_a_route_refuses_a_key_that_is_none(mesh: Any, route: Route) -> None:
    with mesh.client(key="chk_nobody") as client:
        assert refusal(sent(Rest(client), route))[:2] == (401, "KEY_INVALID")
    with mesh.client(key="") as client:
        headers = {"authorization": "Basic Y2hrOm5vYm9keQ=="}
        assert refusal(sent(Rest(client), route, headers=headers))[:2] == (401, "KEY_INVALID")


@pytest.mark.parametrize("route", WRITES, ids=str)
def test_an_anonymous_caller_may_not_write_and_not_see_keys(anonymous: Rest, route: Route) -> None:
    refused = refusal(sent(anonymous, route))
    assert refused[:2] == (403, "PERMISSION_MISSING")
    assert refused.metadata == {"permission": route.contract.permission, "principal": "anonymous"}


@pytest.mark.parametrize("route", [route for route in READS if not route.follows], ids=str)
def test_an_anonymous_caller_may_read(anonymous: Rest, route: Route) -> None:
    answer = sent(anonymous, route)
    assert answer.headers["x-request-id"]
    if answer.status_code != 200:
        assert refusal(answer).status in (400, 404)


def test_the_reads_are_those_that_change_nothing() -> None:
    assert {route.verb for route in READS} == {"GET", "POST"}
    assert sorted(str(route) for route in READS if route.verb == "POST") == [
        "POST /api/analytics/aggregate",
        "POST /api/analytics/correlate",
        "POST /api/contracts/{contract_id}:check",
        "POST /api/contracts:validate",
        "POST /api/profiles:validate",
    ]
    assert sorted(str(route) for route in WRITES if route.verb == "GET") == ["GET /api/auth/keys"]
    assert not [route for route in READS if route.contract.leaf]


def test_a_key_of_a_viewer_may_do_no_more_than_an_anonymous_caller(rest: Rest, mesh: Any) -> None:
    created = rest.post("/api/auth/keys", {"name": "rest-viewer", "roles": ["viewer"]})
    with mesh.client(key=created["secret"]) as client:
        viewer = Rest(client)
        assert viewer.get("/api/profiles")["profiles"] == rest.get("/api/profiles")["profiles"]
        for method, path in (("GET", "/api/auth/keys"), ("POST", "/api/auth/keys"), ("POST", "/api/profiles")):
            refused = viewer.refused(method, path, json={} if method == "POST" else None)
            assert refused[:2] == (403, "PERMISSION_MISSING")
            assert refused.metadata["principal"] == "key/rest-viewer"


@pytest.mark.parametrize("line", LATER)
def test_a_route_that_is_promised_for_later_is_not_found(rest: Rest, line: str) -> None:
    method, path = line.split()
    # What follows a colon might be the rest of a name.
    assert rest.refused(method, path, json={})[:2] in ((404, "ROUTE_NOT_FOUND"), (405, "METHOD_NOT_ALLOWED"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("GET /api/profiles/nothing", "PROFILE_NOT_FOUND"),
        ("PUT /api/profiles/nothing", "PROFILE_NOT_FOUND"),
        ("DELETE /api/profiles/nothing", "PROFILE_NOT_FOUND"),
        ("GET /api/profiles/nothing/revisions", "PROFILE_NOT_FOUND"),
        ("GET /api/profiles/nothing/revisions/1", "PROFILE_NOT_FOUND"),
        ("GET /api/profiles/rest-here/revisions/7", "REVISION_NOT_FOUND"),
        ("GET /api/profiles/nothing/contract", "PROFILE_NOT_FOUND"),
        ("POST /api/profiles/nothing:runNow", "PROFILE_NOT_FOUND"),
        ("POST /api/drones/heartbeat", "DRONE_NOT_FOUND"),
        ("GET /api/drones/nothing", "DRONE_NOT_FOUND"),
        ("GET /api/drones/nothing/work", "DRONE_NOT_FOUND"),
        ("GET /api/work/nothing", "WORK_NOT_FOUND"),
        ("POST /api/work/nothing:cancel", "WORK_NOT_FOUND"),
        ("POST /api/work/nothing:redrive", "WORK_NOT_FOUND"),
        ("GET /api/runs/nothing", "RUN_NOT_FOUND"),
        ("GET /api/runs/nothing/logs", "RUN_NOT_FOUND"),
        ("GET /api/datasets/nothing", "DATASET_NOT_FOUND"),
        ("GET /api/datasets/nothing/versions", "DATASET_NOT_FOUND"),
        ("GET /api/datasets/nothing:read", "DATASET_NOT_FOUND"),
        ("GET /api/datasets/rest-here:read?version=99", "DATASET_VERSION_NOT_FOUND"),
        (f"GET /api/artifacts/sha256:{'0' * 64}", "ARTIFACT_NOT_FOUND"),
        ("GET /api/reports/nothing", "REPORT_NOT_FOUND"),
        ("GET /api/reports/nothing:export", "REPORT_NOT_FOUND"),
        ("DELETE /api/auth/keys/nothing", "KEY_NOT_FOUND"),
        ("GET /api/audit/entries/1000000", "ENTRY_NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_not_found(rest: Rest, here: str, line: str, reason: str) -> None:
    method, path = line.split()
    bodies: dict[str, Any] = {
        "POST": {"drone_id": "nothing"} if "heartbeat" in path else {},
        "PUT": a_profile("nothing"),
    }
    body = {"json": bodies[method]} if method in bodies else {}
    assert rest.refused(method, path, **body)[:2] == (404, reason)


@pytest.fixture(scope="module")
def here(rest: Rest) -> str:
    """A profile with two revisions and a dataset of two rows, one of them quarantined."""
    name = rest.create(a_profile("rest-here"))
    rest.upload(name, "at,n,who,price,x\n2026-01-01T00:00:00Z,1,a,1.25,2\n2026-01-01T00:00:00Z,?,a,1.25,2\n", CSV)
    rest.update(a_profile(name, description="More words."))
    return name


@pytest.mark.parametrize(
    ("line", "body", "reason", "fields"),
    [
        ("GET /api/profiles?page_size=1001", None, "INVALID_FIELD", ["page_size"]),
        ("GET /api/profiles?page_size=-1", None, "INVALID_FIELD", ["page_size"]),
        ("GET /api/profiles?page_size=few", None, "MALFORMED_REQUEST", []),
        ("GET /api/runs?state=RUN_STATE_ODD", None, "MALFORMED_REQUEST", []),
        ("GET /api/runs?state=99", None, "MALFORMED_REQUEST", []),
        ("GET /api/artifacts/sha256:12", None, "INVALID_FIELD", ["digest"]),
        ("GET /api/audit/entries/first", None, "MALFORMED_REQUEST", []),
        ("GET /api/audit/entries/-1", None, "INVALID_FIELD", ["index"]),
        ("GET /api/audit/entries?start_time=yesterday", None, "MALFORMED_REQUEST", []),
        ("GET /api/datasets/rest-here:read?format=xlsx", None, "UNKNOWN_FORMAT", []),
        ("GET /api/records?profile_id=rest-here&filter=n+%3D", None, "INVALID_FILTER", []),
        ("POST /api/auth/keys", {"name": "k", "roles": ["king"]}, "INVALID_FIELD", ["roles[0]"]),
        ("POST /api/auth/keys", {}, "INVALID_FIELD", ["name", "roles"]),
        ("POST /api/drones/register", {"drone_id": "A b", "version": "1"}, "INVALID_FIELD", ["drone_id"]),
        ("POST /api/quarantine:replay", {}, "INVALID_FIELD", ["profile_id"]),
        ("POST /api/analytics/correlate", {}, "INVALID_FIELD", ["query", "output"]),
        ("POST /api/reports", {"name": "r"}, "INVALID_DOCUMENT", ["inputs", "join", "output"]),
        ("POST /api/profiles", {"profile_id": "A b"}, "INVALID_DOCUMENT", ["", "source", "profile_id"]),
        ("POST /api/results", {"profile_id": "rest-here", "data": []}, "INVALID_FIELD", ["data"]),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_fields(
    rest: Rest, here: str, line: str, body: Any, reason: str, fields: list[str]
) -> None:
    method, path = line.split()
    refused = rest.refused(method, path, **({} if body is None else {"json": body}))
    assert refused[:2] == (400, reason)
    assert refused.fields == fields


def test_every_list_refuses_a_token_that_it_did_not_give(rest: Rest, here: str) -> None:
    names = {"profile_id": here, "dataset_id": here, "drone_id": "drone-1", "contract_id": here}
    rest.http.post(f"/api/contracts/{here}/revisions", json={"type": "object"}).raise_for_status()
    lists = [route for route in READS if "page_token" in route.contract.path or is_list(route)]
    assert len(lists) > 10
    for route in lists:
        path = route.template.format(**names)
        query = {"page_token": "bm90IG9uZQ", **({"profile_id": here} if path == "/api/records" else {})}
        refused = rest.refused("GET", path, params=query)
        assert (refused[:2], refused.fields) == ((400, "INVALID_PAGE_TOKEN"), ["page_token"]), route


def is_list(route: Route) -> bool:
    return route.contract.path.rpartition("/")[2].startswith("List")


def test_what_stands_in_the_way_is_a_conflict(rest: Rest, here: str) -> None:
    assert rest.refused("POST", "/api/profiles", json=a_profile(here))[:2] == (409, "PROFILE_EXISTS")
    path = f"/api/profiles/{here}"
    refused = rest.refused("PUT", path, json=a_profile(here, owner="me"), params={"base_revision": 1})
    assert refused[:2] == (409, "REVISION_CONFLICT")
    assert refused.metadata == {"profile_id": here, "base_revision": "1", "latest_revision": "2"}
    rest.post("/api/auth/keys", {"name": "rest-once", "roles": ["viewer"], "request_id": "rest-once"})
    body = {"name": "rest-other", "roles": ["viewer"], "request_id": "rest-once"}
    assert rest.refused("POST", "/api/auth/keys", json=body)[:2] == (409, "REQUEST_ID_REUSED")


def test_what_is_not_in_the_state_for_it_is_refused(rest: Rest, mesh: Any, here: str) -> None:
    other_type = a_profile(here)
    other_type["dims"]["n"] = {"type": "string"}
    refused = rest.refused("PUT", f"/api/profiles/{here}", json=other_type)
    assert refused[:2] == (400, "INCOMPATIBLE_CHANGE")
    more_fields = a_profile(here)
    more_fields["dims"]["m"] = {"type": "string"}
    assert rest.refused("PUT", f"/api/profiles/{here}", json=more_fields)[:2] == (400, "FIELDS_NEED_KEY")
    low = a_profile(here, version="0.9.0", owner="me")
    assert rest.refused("PUT", f"/api/profiles/{here}", json=low)[:2] == (400, "VERSION_TOO_LOW")
    (mesh.data_dir.parent / f"{here}.csv").write_text("at,n,who,price,x\n")
    work = rest.post(f"/api/profiles/{here}:runNow")
    until(lambda: rest.get(f"/api/work/{work['work_id']}")["state"] == "WORK_STATE_SUCCEEDED")
    for verb in ("cancel", "redrive"):
        refused = rest.refused("POST", f"/api/work/{work['work_id']}:{verb}", json={})
        assert refused[:2] == (400, "WORK_STATE")
        assert refused.metadata == {"work_id": work["work_id"], "state": "SUCCEEDED"}


def test_figures_that_cannot_be_had_are_refused_and_leave_no_report(rest: Rest, here: str) -> None:
    x, price = {"profile_id": here, "measure": "x"}, {"profile_id": here, "measure": "price"}
    query = {"inputs": [x, price], "join": ["observed_at"]}
    path, output = "/api/analytics/correlate", {"method": "pearson"}
    assert rest.refused("POST", path, json={"query": query, "output": output})[:2] == (400, "STATISTIC_UNDEFINED")
    unknown = {**query, "inputs": [x, {"profile_id": here, "measure": "y"}]}
    assert rest.refused("POST", path, json={"query": unknown, "output": output})[:2] == (400, "UNKNOWN_FIELD")
    nowhere = {**query, "inputs": [x, {"profile_id": "nowhere", "measure": "y"}]}
    assert rest.refused("POST", path, json={"query": nowhere, "output": output})[:2] == (404, "DATASET_NOT_FOUND")
    report = {"name": "rest-undefined", **query, "output": {"type": "correlation"}}
    assert rest.refused("POST", "/api/reports", json=report)[:2] == (400, "STATISTIC_UNDEFINED")
    assert rest.refused("GET", "/api/reports/rest-undefined")[:2] == (404, "REPORT_NOT_FOUND")


def test_a_body_over_its_limit_is_too_large_whoever_notices(rest: Rest) -> None:
    for size in (2 << 20, 17 << 20):  # more than a profile has, and more than the edge passes on
        for path in ("/api/profiles", "/api/reports", "/api/profiles:validate"):
            refused = rest.refused("POST", path, content=b"#" * size, headers={"content-type": YAML})
            assert refused[:2] == (413, "BODY_TOO_LARGE")
            assert refused.metadata["limit_bytes"] == str((1 if size < 16 << 20 else 16) << 20)


def test_a_plus_in_a_query_is_a_space_and_an_escaped_one_is_a_plus(rest: Rest, here: str) -> None:
    path = f"/api/records?profile_id={here}&filter="
    assert len(rest.get(path + "who+%3D+a")["records"]) == 1
    assert len(rest.get(path + "who%20%3D%20a")["records"]) == 1
    assert rest.get(path + "who+%3D+%22a%2Bb%22")["records"] == []
    assert "'%2B'" in rest.refused("GET", path + "%252B").message


def test_a_service_that_is_away_is_unavailable_until_it_is_back(rest: Rest, mesh: Any) -> None:
    os.kill(mesh.state["processes"]["registry"], signal.SIGKILL)
    refused = []
    while (answer := rest.http.get("/api/profiles")).status_code != 200:
        refused.append(refusal(answer))
    assert refused
    assert {found[:2] for found in refused} == {(503, "SERVICE_UNAVAILABLE")}
    assert refused[0].metadata == {"service": "registry"}
    until(lambda: rest.http.get("/health").status_code == 200)
