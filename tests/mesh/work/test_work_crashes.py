"""A drone that dies anywhere in a run: its next process ends the run as if nothing had happened."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from chartly import engine
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
from chartly.engine.mapper import Mapper
from chartly.engine.pages import Page
from chartly.runtime import boundary

PROFILE = """
profile_id: sensors
source: {{http_rest: {{url: '{url}/readings', pagination: {{page_number: {{}}}}}}}}
dims: {{sensor: {{type: string, required: true}}}}
measures: {{value: {{type: number, minimum: 0}}}}
"""
STORAGE, COORDINATOR = "/chartly.api.storage.v1.StorageService", "/chartly.api.coordinator.v1.CoordinatorService"
Point = tuple[str, str, str]
POINTS: list[Point] = [
    ("rpc_client", f"{STORAGE}/CreateStage", "before"),
    ("file", "raw", "before"),
    ("file", "raw", "after"),
    ("file", "data/part-00000.parquet", "before"),
    ("file", "quarantine.parquet", "before"),
    ("file", "quarantine.parquet", "after"),
    ("rpc_client", f"{STORAGE}/CommitRun", "before"),
    ("rpc_client", f"{STORAGE}/PutArtifact", "before"),
    ("rpc_client", f"{COORDINATOR}/CompleteWork", "before"),
]


class Crash(BaseException):
    """The end of a process, as far as one process can play it: nobody catches it."""


@dataclass
class Armed:
    """Where the next arrival is a crash, and where one was."""

    point: Point | None = None
    reached: list[Point] = field(default_factory=list)


armed = Armed()


def hook(kind: str, name: str, when: str) -> None:
    if (kind, name, when) == armed.point:
        armed.reached.append(armed.point)
        armed.point = None
        raise Crash


@pytest.fixture
def crash_at() -> Iterator[Callable[[Point], list[Point]]]:
    """A function that makes the first arrival at a point a crash, and returns where there was one."""

    def arm(point: Point) -> list[Point]:
        armed.point, armed.reached = point, []
        boundary.install(f"{__name__}:hook")
        return armed.reached

    yield arm
    boundary.install(None)


def digest_of(profile: str, page: bytes) -> str:
    """The dataset's digest as its definition says: over the sorted record ids, a line each."""
    plan = engine.compile_profile(engine.parse_profile(profile.encode()))
    mapped = Mapper(plan).map([Page(1, page, "json")])
    lines = "".join(f"{record_id}\n" for record_id in sorted(mapped.accepted["record_id"].to_pylist()))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[2]}-{point[1].rpartition('/')[2]}")
async def test_a_crash_changes_nothing_of_the_outcome(
    mesh: Any, api: Any, reply: Any, crash_at: Any, point: Point
) -> None:
    body = b'[{"sensor": "a", "value": 1}, {"sensor": "a", "value": 1}, {"sensor": "b", "value": -1}]'
    api.serve({"/readings?page=1": reply(body), "/readings?page=2": reply(b"[]")})
    await mesh.apply(PROFILE.format(url=api.url))
    reached = crash_at(point)
    dying = await mesh.start_drone(allow_hosts=("127.0.0.1",))
    people = mesh.stub(CoordinatorServiceStub)
    work = (await people.RunNow(pb.RunNowRequest(profile_id="sensors"))).work
    await asyncio.wait({dying}, timeout=10)
    assert reached == [point]
    assert dying.done()
    assert isinstance(dying.exception(), Crash | BaseExceptionGroup)
    await mesh.start_drone(allow_hosts=("127.0.0.1",))
    ended = await mesh.ended(work.work_id)
    assert (ended.state, ended.attempts) == (pb.WORK_STATE_SUCCEEDED, 2)
    [commit] = await mesh.commits("sensors")
    receipt = commit.receipt
    assert (receipt.extracted, receipt.delivered, receipt.quarantined) == (3, 2, 1)
    dataset = await mesh.dataset("sensors")
    assert (dataset.version, dataset.row_count) == (1, 2)
    assert dataset.digest == digest_of(PROFILE.format(url=api.url), body)


async def test_a_storage_that_starts_anew_costs_no_attempt(mesh: Any, api: Any, reply: Any) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def answer(path: str, headers: Mapping[str, str]) -> Any:
        asked.set()
        go_on.wait(10)
        return reply(b"[]" if path.endswith("page=2") else b'[{"sensor": "a", "value": 1}]')

    api.answer = answer
    await mesh.apply(PROFILE.format(url=api.url))
    await mesh.start_drone(allow_hosts=("127.0.0.1",))
    request = pb.RunNowRequest(profile_id="sensors")
    work = (await mesh.stub(CoordinatorServiceStub).RunNow(request)).work
    assert await asyncio.to_thread(asked.wait, 10)
    restart = asyncio.create_task(mesh.restart_storage(away_seconds=2))
    await asyncio.sleep(0.2)
    go_on.set()
    await restart
    ended = await mesh.ended(work.work_id)
    assert (ended.state, ended.attempts) == (pb.WORK_STATE_SUCCEEDED, 1)
    assert [commit.receipt.delivered for commit in await mesh.commits("sensors")] == [1]
