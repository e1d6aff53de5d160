"""A mesh whose processes obey orders at their boundaries, and one run on it, seen from outside."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

HOOKS = Path(__file__).parent
PROFILE = "{profile}"
PATIENCE_SECONDS = 90.0
_POLL_SECONDS = 0.1
#: Methods that the client asks again and again while it waits, more often on a slow machine.
POLLED = ("GetWork", "GetRun", "ListEntries")
_ENDED = ("WORK_STATE_SUCCEEDED", "WORK_STATE_DEAD")
_OWED = {
    ("profile.run", f"profiles/{PROFILE}", "OK"),
    ("dataset.commit", f"datasets/{PROFILE}", "OK"),
    ("work.complete", "work/{work}", "OK"),
}
# Two pages; of their ten records one is too small, and two are equal.
PAGES = [
    [{"n": n, "at": f"2026-01-01T00:00:0{n}Z", "x": n / 2} for n in range(1, 6)],
    [{"n": n, "at": f"2026-01-01T00:00:0{n}Z", "x": n / 2} for n in (6, 7, 8, 8)]
    + [{"n": 9, "at": "2026-01-01T00:00:09Z", "x": -1}],
]


class Source(ThreadingHTTPServer):
    """An API of two pages on a free port of this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pages)


class _Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        page = int(self.path.rpartition("page=")[2])
        body = json.dumps(PAGES[page - 1] if page <= len(PAGES) else []).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Orders:
    """What the processes are told, and what they say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for `chartly up`."""
        return {
            "CHARTLY_BOUNDARY_HOOK": "fault_hook:reached",
            "CHARTLY_FAULT_FOLDER": str(self.folder),
            "CHARTLY_COLLECTION_SECONDS": "0.5",
            "CHARTLY_LEASE_SECONDS": "6",
            "PYTHONPATH": os.pathsep.join([str(HOOKS), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        }

    def record(self, profile_id: str) -> None:
        """Have every boundary noted from now on."""
        (self.folder / "record").unlink(missing_ok=True)
        self._give(f"record {profile_id}")

    def kill(self, boundary: str, profile_id: str) -> None:
        """Have the process that reaches a boundary, as `recorded` names it, die there, once."""
        self._give(f"kill {profile_id} {boundary.replace(PROFILE, profile_id)}")

    def rest(self) -> None:
        """Have nothing done any more."""
        self._give("rest")

    @property
    def has_killed(self) -> bool:
        return (self.folder / "killed").exists()

    def recorded(self, profile_id: str) -> list[str]:
        """Return each boundary with the number of the time that it was reached, in order, with the profile's name open."""
        times: Counter[str] = Counter()
        found = []
        for line in (self.folder / "record").read_text().splitlines():
            boundary = line.replace(profile_id, PROFILE)
            times[boundary] += 1
            found.append(f"{boundary} {times[boundary]}")
        return found

    def _give(self, orders: str) -> None:
        (self.folder / "killed").unlink(missing_ok=True)
        draft = self.folder / "orders.new"
        draft.write_text(orders)
        draft.replace(self.folder / "orders")


@dataclass(frozen=True)
class Outcome:
    """What is left of a run, without names and times that differ from run to run."""

    digest: str
    row_count: int
    receipt: dict[str, Any]
    run_state: str
    work_state: str
    quarantine: list[tuple[Any, ...]]
    entries: frozenset[tuple[str, str, str]]
    commits: int


class Client:
    """Works on a mesh as any client would: again, with the same request id, when it does not answer."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=20)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def create(self, profile_id: str, source_port: int) -> None:
        self._call("POST", "/api/profiles", params={"request_id": profile_id}, json=a_profile(profile_id, source_port))

    def run(self, profile_id: str) -> str:
        """Queue a run and return its work_id."""
        path = f"/api/profiles/{profile_id}:runNow"
        return str(self._call("POST", path, json={"request_id": f"run-{profile_id}"})["work_id"])

    def wait(self, profile_id: str, work_id: str) -> None:
        """Return when the work has ended, its run is known to have, and the ledger holds what it cannot go without."""
        self._until(lambda: self._call("GET", f"/api/work/{work_id}")["state"] in _ENDED)
        run_id = "r-" + work_id.removeprefix("w-")
        self._until(lambda: self._call("GET", f"/api/runs/{run_id}")["state"] != "RUN_STATE_RUNNING")
        self._until(lambda: self._entries(profile_id, work_id) >= _OWED)

    def outcome(self, profile_id: str, work_id: str) -> Outcome:
        """Return what the run has left."""
        dataset = self._call("GET", f"/api/datasets/{profile_id}")
        work = self._call("GET", f"/api/work/{work_id}")
        run = self._call("GET", f"/api/runs/{work['run_id']}")
        quarantine = self._call("GET", "/api/quarantine", params={"profile_id": profile_id})["records"]
        versions = self._call("GET", f"/api/datasets/{profile_id}/versions")["versions"]
        return Outcome(
            digest=dataset["digest"],
            row_count=int(dataset["row_count"]),
            receipt=run["receipt"],
            run_state=run["state"],
            work_state=work["state"],
            quarantine=[(r["page"], r["record"], r["raw"], r["raw_digest"], str(r["errors"])) for r in quarantine],
            entries=frozenset(self._entries(profile_id, work_id)),
            commits=len(versions),
        )

    def _entries(self, profile_id: str, work_id: str) -> set[tuple[str, str, str]]:
        """The ledger's entries of a run. A call that was made twice has two; an attempt may have failed before another."""
        found, token = set(), ""
        while True:
            page = self._call("GET", "/api/audit/entries", params={"page_size": 1000, "page_token": token})
            for event in (entry["event"] for entry in page["entries"]):
                resource = event["resource"].replace(profile_id, PROFILE).replace(work_id, "{work}")
                if resource != event["resource"] and event["action"] != "work.fail":
                    found.add((event["action"], resource, event["outcome"]))
            token = page["next_page_token"]
            if not token:
                return found

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(_POLL_SECONDS)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self._http.request(method, path, **options)
                if answer.status_code < 400:
                    found: dict[str, Any] = answer.json()
                    return found
                problem = f"{answer.status_code} {answer.text}"
                is_passing = answer.status_code in (404, 503, 504)
            except httpx.TransportError as error:
                problem, is_passing = repr(error), True
            if not is_passing or time.monotonic() > deadline:
                raise AssertionError(f"{method} {path}: {problem}")
            time.sleep(_POLL_SECONDS)


def a_profile(profile_id: str, source_port: int) -> dict[str, Any]:
    return {
        "profile_id": profile_id,
        "source": {
            "http_rest": {"url": f"http://127.0.0.1:{source_port}/rows", "pagination": {"page_number": {}}},
        },
        "observed_at": {"source": "at"},
        "dims": {"n": {"type": "integer", "required": True}},
        "measures": {"x": {"type": "number", "minimum": 0}},
    }
