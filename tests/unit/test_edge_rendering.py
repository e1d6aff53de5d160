"""The edge's configuration follows from the contracts, and Envoy takes it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from chartly.cli.edge import Edge, Route, envoy, render, resources, routes
from chartly.runtime.contracts import contract_of, methods_of
from chartly.runtime.settings import PORTS


def an_edge(*host_names: str) -> Edge:
    return Edge(["127.0.0.1"], 18090, host_names, {name: f"127.0.0.1:{port}" for name, port in PORTS.items()})


@pytest.fixture(scope="module")
def by_path() -> dict[str, Route]:
    return {route.path: route for route in routes()}


def test_every_method_of_the_mesh_has_one_route_to_its_service(by_path: dict[str, Route]) -> None:
    listed = list(routes())
    assert len(listed) == len(by_path)
    for service in PORTS:
        for method in methods_of(service):
            assert by_path[method.path].service == service


def test_a_unary_route_gives_the_service_its_deadline_and_a_second_more(by_path: dict[str, Route]) -> None:
    route = by_path["/chartly.api.aggregator.v1.AggregatorService/SubmitResults"]
    assert route.timeout_seconds == contract_of(route.path).deadline_seconds + 1 == 301


def test_a_stream_has_no_timeout_as_a_whole(by_path: dict[str, Route]) -> None:
    for path, route in by_path.items():
        contract = contract_of(path)
        streams = contract.client_streaming or contract.server_streaming
        assert (route.timeout_seconds == 0) == streams


def test_only_unary_calls_that_are_safe_to_repeat_are_retried(by_path: dict[str, Route]) -> None:
    assert by_path["/chartly.api.registry.v1.RegistryService/ListProfiles"].retries
    assert not by_path["/chartly.api.registry.v1.RegistryService/CreateProfile"].retries
    assert not by_path["/chartly.api.aggregator.v1.AggregatorService/UploadRecords"].retries
    for path, route in by_path.items():
        assert not route.retries or contract_of(path).retry_safe


def test_the_configuration_holds_each_route_once_and_answers_to_the_host_names() -> None:
    config = yaml.safe_load(render(an_edge("mesh.example")))
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    mesh, elsewhere = manager["route_config"]["virtual_hosts"]
    assert mesh["domains"] == ["localhost", "127.0.0.1", "[::1]", "mesh.example"]
    assert elsewhere["domains"] == ["*"]
    listed = [route["match"].get("path") for route in mesh["routes"]]
    assert list(filter(None, listed)) == [route.path for route in routes()]
    assert {cluster["name"] for cluster in config["static_resources"]["clusters"]} == set(PORTS)


def test_a_path_is_known_by_the_first_pattern_that_matches_it() -> None:
    found = resources()

    def methods(path: str) -> list[str]:
        return next(list(resource.methods) for resource in found if re.fullmatch(resource.pattern, path))

    assert methods("/api/profiles/tides") == ["DELETE", "GET", "PUT"]
    assert methods("/api/profiles/tides:runNow") == ["POST"]
    assert methods("/api/profiles:validate") == ["POST"]
    assert methods("/api/drones/stats") == ["GET"]
    assert methods("/api/artifacts/sha256:00") == ["GET"]
    assert not any(re.fullmatch(resource.pattern, "/api/nothing") for resource in found)


def test_envoy_accepts_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "envoy.yaml"
    config.write_text(render(an_edge("mesh.example")))
    command = [str(envoy()), "--mode", "validate", "--config-path", str(config), "--log-level", "error"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_chartly_envoy_names_another_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTLY_ENVOY", "/opt/envoy")
    assert envoy() == Path("/opt/envoy")
