"""The shape of each route's answer, all of them found in the contracts. Run as a program, this rewrites the golden file."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
from chartly.runtime.settings import PORTS
from google.api import annotations_pb2
from mesh_process import Mesh, running_mesh

GOLDEN = Path(__file__).parent / "golden" / "shapes.json"
PROFILE = """profile_id: shapes
owner: tests
tags: [shelf]
source: {file: {path: shapes.csv}}
observed_at: {source: at}
dims:
  shelf: {type: string}
measures:
  celsius: {type: number, unit: °C}
primary_key: [shelf, observed_at]
"""
ROWS = "at,shelf,celsius\n2026-01-01T00:00:00Z,a,1\n2026-01-01T01:00:00Z,a,3\n2026-01-01T02:00:00Z,a,bad\n"
INPUT = {"profile_id": "shapes", "measure": "celsius"}
JOIN = ["shelf", "observed_at"]
TABLE = {"statistic": "mean"}
YAML = {"content-type": "application/yaml"}


def shape_of(value: Any) -> Any:
    """Return a JSON value with a word for each leaf, and of each list the shape of its first item."""
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [shape_of(item) for item in value[:1]]
    names = {str: "text", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names[type(value)]


def routes() -> Iterator[str]:
    """Return each route of the contracts, as in `GET /api/runs/{run_id}`."""
    for name in PORTS:
        for service in import_module(f"chartly.api.{name}.v1.{name}_pb2").DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                rule = method.GetOptions().Extensions[annotations_pb2.http]
                if verb := rule.WhichOneof("pattern"):
                    yield f"{verb.upper()} {getattr(rule, verb)}"


class Tour:
    """Calls every route once, on a mesh that has one profile, one run, one report and one bad record."""

    def __init__(self, mesh: Mesh, client: httpx.Client) -> None:
        self._mesh = mesh
        self._client = client
        self.shapes: dict[str, Any] = {}

    def go(self) -> dict[str, Any]:
        """Return the shape of each route's answer."""
        (self._mesh.data_dir.parent / "shapes.csv").write_text(ROWS)
        self._call("GET /health")
        self._call("GET /openapi.json")
        self._call("GET /api/status")
        self._contracts()
        self._profiles()
        self._work()
        self._records()
        self._datasets()
        self._figures()
        self._trust()
        self._call("DELETE /api/profiles/{profile_id}", profile_id="shapes")
        return dict(sorted(self.shapes.items()))

    def _call(self, route: str, *, query: dict[str, str] | None = None, content: Any = None, **names: str) -> Any:
        method, template = route.split(" ", 1)
        body: dict[str, Any] = {"json": content} if isinstance(content, dict) else {"content": content}
        body["headers"] = YAML if isinstance(content, str) else {}
        if content is None:
            body = {}
        answer = self._client.request(method, template.format(**names), params=query, **body)
        assert answer.status_code == 200, (route, answer.text)
        if answer.headers["content-type"] != "application/json" or template.endswith(
            ("contract", ":export", "openapi.json")
        ):
            self.shapes[route] = answer.headers["content-type"]
            return answer.content
        self.shapes[route] = shape_of(answer.json())
        return answer.json()

    def _contracts(self) -> None:
        schema = {"type": "object", "properties": {"shelf": {"type": "string"}}}
        later = {**schema, "description": "Of a shelf."}
        one, revisions = "/api/contracts/{contract_id}", "/api/contracts/{contract_id}/revisions"
        self._call("POST /api/contracts:validate", content=schema)
        self._call(f"POST {revisions}", content=schema, contract_id="shapes")
        self._call(f"POST {one}:check", content=later, contract_id="shapes")
        self._call(f"POST {revisions}", content=later, contract_id="shapes")
        self._call(f"PATCH {one}", content={"owner": "shelves"}, contract_id="shapes")
        self._call("GET /api/contracts")
        self._call(f"GET {one}", contract_id="shapes")
        self._call(f"GET {revisions}", contract_id="shapes")
        self._call(f"GET {revisions}/{{version}}", contract_id="shapes", version="latest")
        self._call(f"GET {one}:diff", query={"base": "1.0.0"}, contract_id="shapes")
        self._call(
            f"GET {revisions}/{{version}}:export", query={"format": "json_schema"}, contract_id="shapes", version="1"
        )
        self._call(f"DELETE {one}", contract_id="shapes")

    def _profiles(self) -> None:
        self._call("POST /api/profiles:validate", content=PROFILE)
        self._call("POST /api/profiles:preview", content=PROFILE)
        self._call("POST /api/profiles", content=PROFILE)
        self._call(
            "PUT /api/profiles/{profile_id}", content=PROFILE + "description: More words.\n", profile_id="shapes"
        )
        self._call("GET /api/profiles")
        self._call("GET /api/profiles/{profile_id}", profile_id="shapes")
        self._call("GET /api/profiles/{profile_id}/revisions", profile_id="shapes")
        self._call("GET /api/profiles/{profile_id}/revisions/{version}", profile_id="shapes", version="1")
        self._call("GET /api/profiles/{profile_id}/contract", profile_id="shapes")

    def _work(self) -> None:
        drone = {"drone_id": "shapes-drone", "version": "1", "capacity": 1}
        self._call("POST /api/drones/register", content=drone)
        self._call("POST /api/drones/heartbeat", content={"drone_id": "shapes-drone"})
        work = self._call("POST /api/profiles/{profile_id}:runNow", content={}, profile_id="shapes")
        self._until_ended(work["run_id"])
        self._until_completed(work["work_id"])
        self._call("GET /api/work/{work_id}", work_id=work["work_id"])
        self._call("GET /api/work", query={"profile_id": "shapes"})
        self._call("GET /api/drones")
        self._call("GET /api/drones/stats")
        self._call("GET /api/drones/{drone_id}", drone_id="drone-1")
        self._call("GET /api/drones/{drone_id}/work", drone_id="drone-1")
        lost = self._lost_work()
        self._call("POST /api/work/{work_id}:redrive", content={}, work_id=lost)
        self._call("POST /api/work/{work_id}:cancel", content={}, work_id=lost)

    def _lost_work(self) -> str:
        """Return a work item that is dead, because its file is not there."""
        lost = PROFILE.replace("shapes", "shapes-lost")
        self._client.post("/api/profiles", content=lost, headers=YAML).raise_for_status()
        work = self._client.post("/api/profiles/shapes-lost:runNow", json={}).json()
        self._until_ended(work["run_id"])
        return str(work["work_id"])

    def _until_ended(self, run_id: str) -> None:
        self._until(f"/api/runs/{run_id}", lambda run: run["state"] not in ("RUN_STATE_RUNNING", "RUN_STATE_PAUSED"))

    def _until_completed(self, work_id: str) -> None:
        self._until(f"/api/work/{work_id}", lambda work: work["state"] == "WORK_STATE_SUCCEEDED")

    def _until(self, path: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        deadline = time.monotonic() + 30
        while True:
            answer = self._client.get(path)
            if answer.status_code == 200 and holds(answer.json()):
                return
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.05)

    def _records(self) -> None:
        runs = self._call("GET /api/runs", query={"profile_id": "shapes"})
        run_id = runs["runs"][0]["run_id"]
        self._call("GET /api/runs/{run_id}", run_id=run_id)
        self._call("GET /api/runs/{run_id}/logs", run_id=run_id)
        self._call("GET /api/records", query={"profile_id": "shapes"})
        self._call("GET /api/quarantine", query={"profile_id": "shapes"})
        self._call("POST /api/quarantine:replay", content={"profile_id": "shapes"})
        data = [{"at": "2026-02-01T00:00:00Z", "shelf": "a", "celsius": 5}]
        self._call("POST /api/results", content={"drone_id": "shapes-client", "profile_id": "shapes", "data": data})
        self._upload()
        self._call("GET /api/results", query={"profile_id": "shapes"})
        self._call("GET /api/results/summary")

    def _upload(self) -> None:
        headers = {"content-type": "text/csv"}
        answer = self._client.post("/api/profiles/shapes/records", content=ROWS, headers=headers)
        assert answer.status_code == 200, answer.text
        self.shapes["POST /api/profiles/{profile_id}/records"] = shape_of(answer.json())

    def _datasets(self) -> None:
        self._call("GET /api/datasets")
        self._call("GET /api/datasets/{dataset_id}", dataset_id="shapes")
        self._call("GET /api/datasets/{dataset_id}/versions", dataset_id="shapes")
        self._call("GET /api/datasets/{dataset_id}:read", query={"format": "parquet"}, dataset_id="shapes")
        artifact = self._call("POST /api/artifacts", content=b"bytes")
        self._call("GET /api/artifacts/{digest}", digest=artifact["digest"])

    def _figures(self) -> None:
        other = {**INPUT, "statistic": "maximum"}
        query = {"inputs": [INPUT, other], "join": JOIN}
        self._call("POST /api/analytics/aggregate", content={"query": query, "output": TABLE})
        self._call("POST /api/analytics/correlate", content={"query": query, "output": {}})
        report = {"name": "shapes", "inputs": [INPUT], "join": JOIN, "output": {"type": "table", **TABLE}}
        self._call("POST /api/reports", content=report)
        self._call("GET /api/reports")
        self._call("GET /api/reports/{report_id}", report_id="shapes")
        self._call("GET /api/reports/{report_id}:export", query={"format": "json"}, report_id="shapes")

    def _trust(self) -> None:
        created = self._call("POST /api/auth/keys", content={"name": "shapes", "roles": ["viewer"]})
        self._call("GET /api/auth/keys")
        self._call("DELETE /api/auth/keys/{key_id}", key_id=created["key"]["key_id"])
        self._call("GET /api/audit/entries")
        self._call("GET /api/audit/entries/{index}", index="0")
        with self._client.stream("GET", "/api/events") as stream:
            self.shapes["GET /api/events"] = stream.headers["content-type"]


def shapes(mesh: Mesh) -> dict[str, Any]:
    """Return the shape of each route's answer on a running mesh."""
    with mesh.client() as client:
        return Tour(mesh, client).go()


def test_every_route_answers_in_the_shape_of_the_golden_file(tmp_path: Path) -> None:
    with running_mesh(tmp_path) as mesh:
        found = shapes(mesh)
    assert set(found) == set(routes())
    assert found == json.loads(GOLDEN.read_text())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, running_mesh(Path(folder)) as running:
        GOLDEN.write_text(json.dumps(shapes(running), indent=1) + "\n")
