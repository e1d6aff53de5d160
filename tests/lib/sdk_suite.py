"""Runs the conformance suite of the SDKs: gives a driver each case and judges its answer (tests/contract/sdk/README.md)."""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from chartly.cli import edge
from fault_proxy import Fault, FaultProxy, running_proxy
from mesh_process import Mesh, running_mesh

CASES = Path(__file__).parents[1] / "contract" / "sdk" / "cases.json"
ANSWER_SECONDS = 60
READY_SECONDS = 10
#: Members that differ from one mesh, or one run, to the next; words that end in `_time` are more of them.
VARYING = frozenset(
    [
        "event_id",
        "index",
        "key_id",
        "latency_ms",
        "leaf_hash",
        "log_digest",
        "quarantine_id",
        "replay_run_id",
        "report_id",
        "request_digest",
        "request_id",
        "root_hash",
        "run_id",
        "secret",
        "sequence",
        "time",
        "token",
        "trigger_id",
        "work_id",
        "work_key",
    ]
)

Json = Any


@dataclass(frozen=True)
class Outcome:
    """What a driver said to a case, and what is wrong with it; empty if nothing is."""

    case: str
    answer: Json
    problem: str


class Driver(NamedTuple):
    """How to start a driver, and where."""

    command: list[str]
    folder: Path


@dataclass(frozen=True)
class Bench:
    """A mesh behind an edge with faults, for one driver."""

    mesh: Mesh
    proxy: FaultProxy
    url: str


def cases() -> list[dict[str, Any]]:
    """Return the cases."""
    found: list[dict[str, Any]] = json.loads(CASES.read_text())
    return found


@contextmanager
def running_bench(folder: Path) -> Iterator[Bench]:
    """Run a new mesh, and before its services a proxy and an edge that never retries, for the length of the block."""
    folder.mkdir(exist_ok=True)
    (folder / "flights.csv").write_text("time,origin,delay\n2013-01-01T05:00:00Z,EWR,2\n2013-01-01T06:00:00Z,LGA,4\n")
    with running_mesh(folder) as mesh:
        targets = {name: f"127.0.0.1:{port}" for name, port in mesh.state["ports"]["services"].items()}
        with (
            running_proxy(targets) as proxy,
            _running_edge(folder, dict.fromkeys(targets, f"127.0.0.1:{proxy.port}")) as url,
        ):
            yield Bench(mesh, proxy, url)


@contextmanager
def _running_edge(folder: Path, upstreams: Mapping[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "edge.yaml"
    text = edge.render(edge.Edge(["127.0.0.1"], port, [], upstreams))
    config.write_text(re.sub(r", retry_policy: \{[^}]*\}", "", text))
    command = [str(edge.envoy()), "--config-path", str(config), "--disable-hot-restart", "--concurrency", "1"]
    with (folder / "edge.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _await_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _await_port(port: int) -> None:
    end = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, "the edge did not start"
            time.sleep(0.05)
        else:
            return


def run_all(drivers: Mapping[str, Driver], scratch: Path) -> dict[str, list[Outcome]]:
    """Give all cases to each driver, which has a mesh of its own; two at a time, since they wait more than they work."""

    def outcomes(name: str) -> list[Outcome]:
        with running_bench(scratch / name.replace(" ", "-")) as bench:
            return _run(drivers[name], bench)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(drivers, pool.map(outcomes, drivers), strict=True))


def _run(driver: Driver, bench: Bench) -> list[Outcome]:
    environment = {**os.environ, "CHARTLY_URL": bench.url, "CHARTLY_API_KEY": bench.mesh.admin_key}
    with subprocess.Popen(
        driver.command, cwd=driver.folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            return _Runner(process, bench).outcomes()
        finally:
            process.kill()


class _Runner:
    def __init__(self, process: subprocess.Popen[bytes], bench: Bench) -> None:
        self._process = process
        self._proxy = bench.proxy
        self._folder = str(bench.mesh.data_dir.parent).encode()
        self._saved: dict[str, Any] = {}
        self._rest = b""

    def outcomes(self) -> list[Outcome]:
        return [self._outcome(case) for case in cases()]

    def _outcome(self, case: dict[str, Any]) -> Outcome:
        self._proxy.plan([Fault(**fault) for fault in case.get("faults", [])])
        asked = {name: case[name] for name in ("case", "do", "args", "client", "timeout_seconds") if name in case}
        began = time.monotonic()
        answer = self._ask(_filled(asked, self._saved))
        seconds = time.monotonic() - began
        problem = "; ".join(self._problems(case, answer, seconds))
        if not problem:
            self._saved |= {name: _at(answer["ok"], path) for name, path in case.get("save", {}).items()}
        return Outcome(case["case"], answer, problem)

    def _ask(self, case: Json) -> Json:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(case).encode() + b"\n")
        return json.loads(self._line().replace(self._folder, b"the folder of the mesh"))

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                assert selector.select(ANSWER_SECONDS), "the driver does not answer"
                chunk = os.read(self._process.stdout.fileno(), 1 << 20)
                assert chunk, "the driver has ended"
                self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _problems(self, case: dict[str, Any], answer: Json, seconds: float) -> Iterator[str]:
        if answer.get("case") != case["case"]:
            yield f"it answers {answer.get('case')!r}"
        yield from differences(_filled(case["expect"], self._saved), answer, "")
        low, high = case.get("within_seconds", [0, ANSWER_SECONDS])
        if not low <= seconds <= high:
            yield f"took {seconds:.2f} s, not {low} to {high}"
        for method, count in (case.get("attempts", {}) | case.get("calls", {})).items():
            came = sum(seen.method == method for seen in self._proxy.seen)
            if came != count:
                yield f"{came} calls of {method}, not {count}"
        yield from self._request_id_problems(case, answer)
        if case.get("cancels") and not self._proxy.saw_a_cancellation():
            yield "the mesh was not told that the call was cancelled"

    def _request_id_problems(self, case: dict[str, Any], answer: Json) -> Iterator[str]:
        seen = {call.request_id for call in self._proxy.seen}
        if "" in seen:
            yield "a call has no x-request-id"
        for method in case.get("attempts", {}):
            if len(ids := {call.request_id for call in self._proxy.seen if call.method == method}) != 1:
                yield f"the attempts of one call of {method} have {len(ids)} request ids"
        if "error" in answer and not (request_id := answer["error"].get("request_id")):
            yield "the error has no request_id"
        elif "error" in answer and seen and request_id not in seen:
            yield "the error's request_id is of no call that came"


def unequal(outcomes: Sequence[Outcome], others: Sequence[Outcome]) -> dict[str, list[str]]:
    """Return how two drivers' answers differ, by case; not of cases that vary by nature."""
    varying = {case["case"] for case in cases() if case.get("varies")}
    pairs = zip(outcomes, others, strict=True)
    found = {one.case: _unequal(comparable(one.answer), comparable(other.answer), "") for one, other in pairs}
    return {case: differences for case, differences in found.items() if differences and case not in varying}


def comparable(value: Json) -> Json:
    """Return an answer without what differs by nature."""
    match value:
        case dict():
            kept = {name for name in value if name not in VARYING and not name.endswith("_time")}
            return {name: comparable(value[name]) for name in kept}
        case list():
            return [comparable(item) for item in value]
    return value


def differences(expected: Json, found: Json, path: str) -> Iterator[str]:
    """Yield where `found` lacks what is expected; an object may have more members, and `"…"` is any value but an empty one."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, member in expected.items():
            yield from differences(member, found.get(name), f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (wanted, item) in enumerate(zip(expected, found, strict=True)):
            yield from differences(wanted, item, f"{path}[{index}]")
    elif not (bool(found) if expected == "…" else _same(expected, found)):
        yield f"{path[1:] or 'it'} is {json.dumps(found, ensure_ascii=False)}, not {json.dumps(expected, ensure_ascii=False)}"


def _unequal(one: Json, other: Json, path: str) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            words
            for name in sorted(one.keys() | other.keys())
            for words in _unequal(one.get(name), other.get(name), f"{path}.{name}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [words for index, (left, right) in pairs for words in _unequal(left, right, f"{path}[{index}]")]
    if _same(one, other):
        return []
    return [f"{path[1:]} is {json.dumps(one, ensure_ascii=False)} and {json.dumps(other, ensure_ascii=False)}"]


def _same(one: Json, other: Json) -> bool:
    """Say whether two values are one; a number is no truth value."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _filled(value: Json, saved: Mapping[str, Any]) -> Json:
    """Put saved values in the place of `${name}`."""
    match value:
        case str():
            return re.sub(r"\$\{(\w+)\}", lambda name: str(saved.get(name[1], name[0])), value)
        case dict():
            return {name: _filled(member, saved) for name, member in value.items()}
        case list():
            return [_filled(item, saved) for item in value]
    return value


def _at(value: Json, path: str) -> Json:
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
