"""The edge: REST shapes, its own errors, streams, gRPC and gRPC-Web, host names."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import grpc
import httpx
import pytest
from chartly.api.auth.v1 import auth_pb2, auth_pb2_grpc
from chartly.api.gateway.v1 import gateway_pb2
from chartly.runtime.settings import PORTS

PROFILE = """
profile_id: edge-{name}
description: Temperatures of a shelf.
source:
  file: {{path: shelf.csv}}
observed_at: {{source: at}}
dims:
  shelf: {{type: string, required: true}}
measures:
  celsius: {{type: number, unit: °C}}
"""
YAML = {"content-type": "application/yaml"}


def a_profile(name: str) -> bytes:
    return PROFILE.format(name=name).encode()


def reason(answer: httpx.Response) -> str:
    """Return the reason of an error, having checked its shape."""
    status = answer.json()
    assert set(status) == {"code", "message", "details"}
    assert status["message"]
    info = status["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["domain"] == "chartly.dev"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    return str(info["reason"]).removeprefix("ERROR_REASON_")


def post(mesh: Any, path: str, body: dict[str, Any]) -> None:
    with mesh.client() as client:
        client.post(path, json=body).raise_for_status()


def test_a_plus_in_a_query_is_a_space_and_an_escaped_plus_a_plus(mesh: Any) -> None:
    with mesh.client() as client:
        client.post("/api/profiles", content=a_profile("plus"), headers=YAML).raise_for_status()
        record = {"at": "2026-01-01T00:00:00Z", "shelf": "a", "celsius": 2}
        client.post("/api/results", json={"profile_id": "edge-plus", "data": [record]}).raise_for_status()
        spaces = client.get("/api/records?profile_id=edge-plus&filter=celsius+%3E+1+AND+shelf+%3D+a")
        plus = client.get("/api/records?profile_id=edge-plus&filter=celsius%2Bshelf+%3E+1")
    assert len(spaces.json()["records"]) == 1
    assert reason(plus) == "INVALID_FILTER"
    assert "'celsius+shelf'" in plus.json()["message"]


def test_health_and_status_have_the_shapes_of_the_contract(mesh: Any) -> None:
    with mesh.client(key="") as client:
        assert client.get("/health").json() == {"status": "healthy"}
        services = client.get("/api/status").json()["services"]
    assert [service["name"] for service in services] == list(PORTS)
    for service in services:
        assert set(service) == {"name", "status", "latency_ms", "version"}
        assert service["status"] == "up"
        assert service["latency_ms"] > 0
        assert service["version"]


def test_a_method_for_one_resource_answers_it_bare(mesh: Any) -> None:
    with mesh.client() as client:
        created = client.post("/api/profiles", content=a_profile("bare"), headers=YAML)
        assert created.status_code == 200, created.text
        shown = client.get("/api/profiles/edge-bare")
    assert created.json()["profile_id"] == shown.json()["profile_id"] == "edge-bare"
    assert created.json()["revision"] == "1"  # a 64-bit integer is a text
    assert not [name for name in shown.headers if name.startswith("grpc-")]
    assert int(shown.headers["content-length"]) == len(shown.content)


def test_lists_print_what_is_empty(mesh: Any) -> None:
    with mesh.client(key="") as client:
        assert client.get("/api/runs", params={"profile_id": "none"}).json() == {"runs": [], "next_page_token": ""}


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/api/nothing", 404, "ROUTE_NOT_FOUND"),
        ("POST", "/health", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/profiles?bogus=1", 400, "MALFORMED_REQUEST"),
        ("GET", "/api/profiles?page_size=many", 400, "MALFORMED_REQUEST"),
        ("GET", "/api/profiles?page_size=2000", 400, "INVALID_FIELD"),
        ("GET", "/api/profiles/none", 404, "PROFILE_NOT_FOUND"),
        ("GET", "/api/auth/keys", 403, "PERMISSION_MISSING"),
    ],
)
def test_every_error_is_a_status(mesh: Any, method: str, path: str, status: int, expected: str) -> None:
    with mesh.client(key="") as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert reason(answer) == expected


def test_another_method_of_a_route_is_told_which_there_are(mesh: Any) -> None:
    with mesh.client(key="") as client:
        answer = client.delete("/api/profiles")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
        for method in ("TRACE", "OPTIONS", "GUESS"):
            assert client.request(method, "/api/runs/r-1").headers["allow"] == "GET"
        assert "allow" not in client.get("/api/profiles/none").headers


def test_a_query_may_be_long(mesh: Any) -> None:
    with mesh.client(key="") as client:
        answer = client.get("/api/records", params={"profile_id": "none", "page_token": "0" * 30_000})
    assert (answer.status_code, reason(answer)) == (400, "INVALID_FIELD")


def test_an_unknown_query_parameter_is_refused_by_name(mesh: Any) -> None:
    with mesh.client(key="") as client:
        assert '"bogus"' in client.get("/api/profiles?bogus=1").json()["message"]


def test_a_key_that_is_none_is_refused_on_every_route(mesh: Any) -> None:
    with mesh.client(key="chk_nobody") as client:
        answer = client.get("/api/profiles")
    assert (answer.status_code, reason(answer)) == (401, "KEY_INVALID")


def test_a_body_that_is_no_json_is_refused(mesh: Any) -> None:
    with mesh.client() as client:
        answer = client.post("/api/auth/keys", content=b'{"name": ')
    assert (answer.status_code, reason(answer)) == (400, "MALFORMED_REQUEST")


def test_a_body_over_the_limit_is_refused_with_the_limit(mesh: Any) -> None:
    with mesh.client() as client:
        answer = client.post("/api/profiles", content=b"#" * (100 << 20), headers=YAML)
    assert (answer.status_code, reason(answer)) == (413, "BODY_TOO_LARGE")
    assert answer.json()["details"][0]["metadata"] == {"limit_bytes": str(16 << 20)}


def test_another_host_name_is_refused(mesh: Any) -> None:
    with mesh.client(key="") as client:
        answer = client.get("/health", headers={"host": "rebound.example"})
        assert (answer.status_code, reason(answer)) == (404, "HOST_NOT_SERVED")
        for name in ("localhost", f"127.0.0.1:{mesh.port}", f"[::1]:{mesh.port}"):
            assert client.get("/health", headers={"host": name}).status_code == 200


def test_the_request_id_of_the_caller_is_kept_and_one_is_made_for_others(mesh: Any) -> None:
    with mesh.client(key="") as client:
        assert client.get("/health", headers={"x-request-id": "load-17"}).headers["x-request-id"] == "load-17"
        made = {client.get("/health").headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2


def test_events_arrive_as_they_happen(mesh: Any) -> None:
    with mesh.client() as client, client.stream("GET", "/api/events", timeout=30) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        lines = stream.iter_lines()
        assert next(lines).startswith(": ")
        body = {"drone_id": "edge-drone", "version": "1", "capacity": 1}
        registered = threading.Thread(target=post, args=(mesh, "/api/drones/register", body))
        registered.start()
        event = next(line for line in lines if line.startswith("event: "))
        data = next(lines).removeprefix("data: ")
        registered.join()
    assert event == "event: drone"
    assert json.loads(data)["drone_id"] == "edge-drone"


def test_a_method_without_a_route_is_there_over_grpc(mesh: Any) -> None:
    key = (mesh.data_dir / "keys" / "registry.key").read_text().strip()
    metadata = [("authorization", f"Bearer {key}"), ("x-request-id", "grpc-17")]
    with grpc.insecure_channel(f"127.0.0.1:{mesh.port}") as channel:
        introspect: Any = auth_pb2_grpc.AuthServiceStub(channel).Introspect  # type: ignore[arg-type]
        answer, call = introspect.with_call(auth_pb2.IntrospectRequest(), metadata=metadata)
    assert answer.principal == "anonymous"
    assert dict(call.initial_metadata())["x-request-id"] == "grpc-17"


def test_grpc_errors_keep_their_details_and_unknown_methods_are_unimplemented(mesh: Any) -> None:
    channel: Any
    with grpc.insecure_channel(f"127.0.0.1:{mesh.port}") as channel:
        unknown = channel.unary_unary("/chartly.api.registry.v1.RegistryService/Nothing")
        with pytest.raises(grpc.RpcError) as refusal:
            unknown(b"")
        assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
        create = channel.unary_unary("/chartly.api.auth.v1.AuthService/RevokeKey")
        with pytest.raises(grpc.RpcError) as refusal:
            create(auth_pb2.RevokeKeyRequest(key_id="k-1").SerializeToString())
    assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED
    trailing: Any = refusal.value.trailing_metadata()
    assert "grpc-status-details-bin" in dict(trailing)


def test_grpc_web_passes(mesh: Any) -> None:
    request = gateway_pb2.GetHealthRequest().SerializeToString()
    framed = b"\0" + len(request).to_bytes(4, "big") + request
    headers = {"content-type": "application/grpc-web-text", "accept": "application/grpc-web-text"}
    with mesh.client(key="") as client:
        answer = client.post(
            "/chartly.api.gateway.v1.GatewayService/GetHealth", content=base64.b64encode(framed), headers=headers
        )
    body = base64.b64decode(answer.content[: answer.content.find(b"=") + 1] or answer.content)
    size = int.from_bytes(body[1:5], "big")
    assert gateway_pb2.GetHealthResponse.FromString(body[5 : 5 + size]).status == "healthy"


def test_a_streamed_upload_of_any_size_passes(mesh: Any) -> None:
    content = bytes(range(256)) * (20 << 12)  # 20 MiB, more than a unary body may have
    with mesh.client() as client:
        put = client.post("/api/artifacts", content=content, headers={"content-type": "application/octet-stream"})
        assert put.status_code == 200, put.text
        artifact = put.json()
        assert artifact["size_bytes"] == str(len(content))
        assert client.get(f"/api/artifacts/{artifact['digest']}").content == content
