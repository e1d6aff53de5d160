"""A mesh as a REST client sees it: errors checked to the last field, and what tests do to profiles and runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2

NDJSON, CSV = "application/x-ndjson", "text/csv"
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
YAML = "application/yaml"
PATIENCE_SECONDS = 30
# Of the mesh that the tests of a session share; its default would take long to send.
MAX_UPLOAD_BYTES = 32 << 20
# AIP-193, but for a body that is too large, which the edge itself calls 413 too.
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 413,
    "UNIMPLEMENTED": 405,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
# What `Rest.state_of` returns of a profile that nothing has been committed for.
NOTHING = ("0",)
_OPEN = ("RUN_STATE_RUNNING", "RUN_STATE_PAUSED")


class Refusal(NamedTuple):
    """An error: its HTTP status, its reason without prefix, and what it says for people and for programs."""

    status: int
    reason: str
    message: str
    metadata: dict[str, str]
    fields: list[str]


def refusal(answer: httpx.Response) -> Refusal:
    """Return the error that an answer is, having checked that it is a google.rpc.Status, read by protobuf itself."""
    assert answer.headers["content-type"] == "application/json", answer.text
    assert answer.headers["x-request-id"]
    assert "grpc-status" not in answer.headers
    status = json_format.Parse(answer.content, status_pb2.Status())
    code: Any = status.code
    assert HTTP_STATUS[code_pb2.Code.Name(code)] == answer.status_code, answer.text
    assert status.message
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info), answer.text
    assert info.domain == "chartly.dev"
    assert info.reason in ErrorReason.keys(), info.reason  # noqa: SIM118  # an enum is no mapping
    for detail in status.details[1:]:
        detail.Unpack(bad_request)
    fields = [violation.field for violation in bad_request.field_violations]
    reason = info.reason.removeprefix("ERROR_REASON_")
    return Refusal(answer.status_code, reason, status.message, dict(info.metadata), fields)


def a_profile(profile_id: str, **changes: Any) -> dict[str, Any]:
    """A profile whose records come from a file, or are brought."""
    return {
        "profile_id": profile_id,
        "source": {"file": {"path": f"{profile_id}.csv"}},
        "observed_at": {"source": "at"},
        "dims": {"n": {"type": "integer", "required": True}, "who": {"type": "string"}},
        "measures": {"price": {"type": "decimal", "scale": 2}, "x": {"type": "number", "minimum": 0}},
    } | changes


def a_record(n: int, **changes: Any) -> dict[str, Any]:
    """A good record of `a_profile`; each `n` is an instant of its own."""
    return {"at": f"2026-01-01T{n // 60 % 24:02}:{n % 60:02}:00Z", "n": n, "who": "a", "price": 1.25, "x": 2} | changes


class Rest:
    """A client of a mesh that fails on any answer but a good one, unless told to expect a refusal."""

    def __init__(self, client: httpx.Client) -> None:
        self.http = client

    def get(self, path: str, **query: Any) -> Any:
        return self._good(self.http.get(path, params=query or None)).json()

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self._good(self.http.post(path, json={} if body is None else body, params=query)).json()

    def refused(self, method: str, path: str, **options: Any) -> Refusal:
        answer = self.http.request(method, path, **options)
        assert answer.status_code >= 400, answer.text
        return refusal(answer)

    def create(self, profile: dict[str, Any]) -> str:
        """Create a profile and return its name."""
        return str(self.post("/api/profiles", profile)["profile_id"])

    def update(self, profile: dict[str, Any]) -> Any:
        return self._good(self.http.put(f"/api/profiles/{profile['profile_id']}", json=profile)).json()

    def submit(self, profile_id: str, *records: dict[str, Any], **fields: Any) -> Any:
        return self.post("/api/results", {"profile_id": profile_id, "data": list(records), **fields})

    def upload(self, profile_id: str, data: bytes | str, media_type: str, **query: str) -> Any:
        """Upload a file and return its run."""
        return self._good(self.uploaded(profile_id, data, media_type, **query)).json()

    def uploaded(self, profile_id: str, data: bytes | str, media_type: str, **query: str) -> httpx.Response:
        headers = {"content-type": media_type}
        return self.http.post(f"/api/profiles/{profile_id}/records", content=data, headers=headers, params=query)

    def run(self, profile_id: str) -> Any:
        """Run a profile and return the run once it has ended."""
        return self.ended(self.post(f"/api/profiles/{profile_id}:runNow")["run_id"])

    def ended(self, run_id: str) -> Any:
        """Return a run once it has ended; it is there a moment after its work item."""

        def has_ended() -> bool:
            answer = self.http.get(f"/api/runs/{run_id}")
            return answer.status_code == 200 and answer.json()["state"] not in _OPEN

        until(has_ended)
        return self.get(f"/api/runs/{run_id}")

    def pages(self, path: str, items: str, **query: Any) -> Iterator[list[Any]]:
        """Yield the items of each page of a list."""
        token = ""
        while True:
            page = self.get(path, **query, page_token=token)
            yield page[items]
            token = page["next_page_token"]
            if not token:
                return

    def listed(self, path: str, items: str, **query: Any) -> list[Any]:
        """Return all items of a list."""
        return [item for page in self.pages(path, items, **query) for item in page]

    def records(self, profile_id: str, **query: Any) -> list[Any]:
        return self.listed("/api/records", "records", profile_id=profile_id, **query)

    def quarantine(self, profile_id: str, **query: Any) -> list[Any]:
        return self.listed("/api/quarantine", "records", profile_id=profile_id, **query)

    def state_of(self, profile_id: str) -> tuple[Any, ...]:
        """Return what a refused call must not change: the dataset's version and digest, and what its quarantine holds."""
        dataset = self.http.get(f"/api/datasets/{profile_id}")
        kept = (dataset.json()["version"], dataset.json()["digest"]) if dataset.status_code == 200 else ()
        return *kept, self.get("/api/quarantine", profile_id=profile_id, include_replayed=True)["total_size"]

    @staticmethod
    def _good(answer: httpx.Response) -> httpx.Response:
        assert answer.status_code == 200, (answer.request.url, answer.status_code, answer.text)
        return answer


def until(condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a condition, and fail if it does not come about in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
