"""Leases, retries, cancellations, schedules and previews, over gRPC."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
from chartly.api.registry.v1 import registry_pb2
from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from chartly.api.run.v1 import run_pb2
from chartly.runtime import error_of
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.json_format import MessageToDict

ORDERS = """
profile_id: {name}
{top}
source: {{file: {{path: {path}}}}}
dims: {{order_id: {{type: string, required: true}}}}
measures: {{amount: {{type: integer, minimum: 0}}}}
"""


def a_document(name: str = "shop-orders", *, path: str = "orders.ndjson", top: str = "") -> str:
    return ORDERS.format(name=name, path=path, top=top)


@pytest.fixture
def orders(files: Path) -> Path:
    path = files / "orders.ndjson"
    path.write_text("\n".join(json.dumps({"order_id": f"o-{n}", "amount": n - 1}) for n in range(3)))
    return path


@pytest.fixture
def people(mesh: Any) -> Any:
    return mesh.stub(CoordinatorServiceStub)


@pytest.fixture
async def drone(mesh: Any) -> Any:
    """A drone's stub, registered with room for two."""
    stub = mesh.stub(CoordinatorServiceStub, "drone")
    await stub.RegisterDrone(pb.RegisterDroneRequest(drone_id="d-1", capacity=2, instance_id="first"))
    return stub


async def lease(drone: Any, *, wait_seconds: int = 5) -> pb.Lease:
    request = pb.LeaseWorkRequest(drone_id="d-1", wait_seconds=wait_seconds)
    answer: pb.LeaseWorkResponse = await drone.LeaseWork(request)
    return answer.lease


async def run_now(people: Any, name: str = "shop-orders", request_id: str = "") -> pb.Work:
    answer: pb.RunNowResponse = await people.RunNow(pb.RunNowRequest(profile_id=name, request_id=request_id))
    return answer.work


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    found = error_of(caught.value)
    return f"{found.code.name} {pb_reason(found.reason)}"


def pb_reason(reason: Any) -> str:
    from chartly.api.errors.v1.error_reason_pb2 import ErrorReason

    return ErrorReason.Name(reason).removeprefix("ERROR_REASON_")


def renewal(held: pb.Lease, **progress: Any) -> pb.RenewLeaseRequest:
    return pb.RenewLeaseRequest(work_id=held.work.work_id, token=held.token, progress=pb.Progress(**progress))


async def test_waiting_for_work_ends_as_soon_as_there_is_some(mesh: Any, people: Any, drone: Any) -> None:
    await mesh.apply(a_document())
    waiting = asyncio.create_task(lease(drone, wait_seconds=30))
    await asyncio.sleep(0)
    work = await run_now(people)
    async with asyncio.timeout(5):
        held = await waiting
    assert (held.work.work_id, held.token, held.lease_seconds) == (work.work_id, 1, 2)
    assert held.revision.profile.source.file.path == "orders.ndjson"


async def test_waiting_without_work_answers_nothing_in_time(mesh: Any, drone: Any) -> None:
    answer = await drone.LeaseWork(pb.LeaseWorkRequest(drone_id="d-1", wait_seconds=0))
    assert answer.WhichOneof("job") is None


async def test_a_request_id_queues_once(mesh: Any, people: Any) -> None:
    await mesh.apply(a_document())
    first, again = [await run_now(people, request_id="load-1") for _ in range(2)]
    other = await run_now(people, request_id="load-2")
    assert first == again
    assert other.work_id != first.work_id
    assert (first.trigger, first.trigger_id) == (run_pb2.TRIGGER_MANUAL, "load-1")


async def test_a_profile_that_is_not_there_cannot_be_run(mesh: Any, people: Any) -> None:
    request = pb.RunNowRequest(profile_id="nothing")
    assert await refusal(people.RunNow(request)) == "NOT_FOUND PROFILE_NOT_FOUND"


async def test_a_drone_has_to_register(mesh: Any, people: Any) -> None:
    stub = mesh.stub(CoordinatorServiceStub, "drone")
    for call in (
        stub.LeaseWork(pb.LeaseWorkRequest(drone_id="d-9")),
        stub.Heartbeat(pb.HeartbeatRequest(drone_id="d-9")),
        people.GetDrone(pb.GetDroneRequest(drone_id="d-9")),
        people.ListDroneWork(pb.ListDroneWorkRequest(drone_id="d-9")),
    ):
        assert await refusal(call) == "NOT_FOUND DRONE_NOT_FOUND"


async def test_work_that_is_not_there_is_said_so(mesh: Any, people: Any, drone: Any) -> None:
    for call in (
        people.GetWork(pb.GetWorkRequest(work_id="w-0")),
        people.CancelWork(pb.CancelWorkRequest(work_id="w-0")),
        people.RedriveWork(pb.RedriveWorkRequest(work_id="w-0")),
        drone.RenewLease(pb.RenewLeaseRequest(work_id="w-0", token=1)),
        drone.CompleteWork(pb.CompleteWorkRequest(work_id="w-0", token=1)),
        drone.FailWork(pb.FailWorkRequest(work_id="w-0", token=1)),
    ):
        assert await refusal(call) == "NOT_FOUND WORK_NOT_FOUND"


async def test_a_lost_lease_is_leased_again_and_the_old_holder_is_refused(mesh: Any, people: Any, drone: Any) -> None:
    await mesh.apply(a_document())
    await run_now(people)
    first = await lease(drone)
    second = await lease(drone, wait_seconds=10)
    assert (second.work.work_id, second.token, second.work.attempts) == (first.work.work_id, 2, 2)
    assert await refusal(drone.RenewLease(renewal(first))) == "ABORTED LEASE_LOST"
    complete = pb.CompleteWorkRequest(work_id=first.work.work_id, token=first.token)
    assert await refusal(drone.CompleteWork(complete)) == "ABORTED LEASE_LOST"
    await drone.CompleteWork(pb.CompleteWorkRequest(work_id=first.work.work_id, token=second.token))
    work = (await people.GetWork(pb.GetWorkRequest(work_id=first.work.work_id))).work
    assert work.state == pb.WORK_STATE_SUCCEEDED


async def test_a_drone_that_starts_again_takes_back_what_it_held(mesh: Any, people: Any, drone: Any) -> None:
    await mesh.apply(a_document())
    await run_now(people)
    first = await lease(drone)
    same = await drone.RegisterDrone(pb.RegisterDroneRequest(drone_id="d-1", capacity=2, instance_id="first"))
    assert same.drone.leased_work == 1
    again = await drone.RegisterDrone(pb.RegisterDroneRequest(drone_id="d-1", capacity=2, instance_id="second"))
    assert again.drone.leased_work == 0
    second = await lease(drone, wait_seconds=0)
    assert (second.work.work_id, second.token) == (first.work.work_id, 2)


async def test_a_profile_is_run_once_at_a_time_and_a_drone_has_its_capacity(mesh: Any, people: Any, drone: Any) -> None:
    for name in ("a", "b", "c"):
        await mesh.apply(a_document(name))
        await run_now(people, name)
    await run_now(people, "a")
    held = [await lease(drone, wait_seconds=0) for _ in range(3)]
    assert [one.work.profile_id for one in held] == ["a", "b", ""]
    await drone.CompleteWork(pb.CompleteWorkRequest(work_id=held[0].work.work_id, token=1))
    assert (await lease(drone, wait_seconds=0)).work.profile_id == "c"


async def test_cancelled_work_is_given_up(mesh: Any, people: Any, drone: Any) -> None:
    await mesh.apply(a_document())
    work = await run_now(people)
    held = await lease(drone)
    cancelled = (await people.CancelWork(pb.CancelWorkRequest(work_id=work.work_id))).work
    assert cancelled.state == pb.WORK_STATE_CANCELLED
    assert (await drone.RenewLease(renewal(held))).cancelled
    beat = await drone.Heartbeat(pb.HeartbeatRequest(drone_id="d-1"))
    assert list(beat.cancelled_work_ids) == [work.work_id]
    redrive = pb.RedriveWorkRequest(work_id=work.work_id)
    assert await refusal(people.RedriveWork(redrive)) == "FAILED_PRECONDITION WORK_STATE"
    failed = await drone.FailWork(pb.FailWorkRequest(work_id=work.work_id, token=held.token, reason="X"))
    assert failed.state == pb.WORK_STATE_CANCELLED
    assert not (await drone.Heartbeat(pb.HeartbeatRequest(drone_id="d-1"))).cancelled_work_ids
    assert (await people.RedriveWork(redrive)).work.state == pb.WORK_STATE_QUEUED
    assert (await lease(drone)).token == 2


async def test_a_running_drone_gives_up_cancelled_work(mesh: Any, people: Any, api: Any, reply: Any) -> None:
    api.serve({"/orders": reply(status=429, headers={"retry-after": "600"})})
    document = a_document().replace("file: {path: orders.ndjson}", f"http_rest: {{url: '{api.url}/orders'}}")
    await mesh.apply(document)
    await mesh.start_drone(allow_hosts=("127.0.0.1",))
    work = await run_now(people)
    await mesh.work_when(work.work_id, lambda item: item.state == pb.WORK_STATE_PAUSED)
    await people.CancelWork(pb.CancelWorkRequest(work_id=work.work_id))
    ended = await mesh.work_when(work.work_id, lambda item: bool(item.log_digest))
    assert ended.state == pb.WORK_STATE_CANCELLED
    assert ended.reason == "ERROR_REASON_CANCELLED"
    assert ended.progress.receipt.pauses == 1
    assert await mesh.commits("shop-orders") == []
    assert not mesh.staged()


async def test_a_drone_that_stops_hands_its_work_back(mesh: Any, people: Any, api: Any, reply: Any) -> None:
    api.serve({"/orders": reply(status=429, headers={"retry-after": "600"})})
    document = a_document().replace("file: {path: orders.ndjson}", f"http_rest: {{url: '{api.url}/orders'}}")
    await mesh.apply(document)
    working = await mesh.start_drone(allow_hosts=("127.0.0.1",))
    work = await run_now(people)
    await mesh.work_when(work.work_id, lambda item: item.state == pb.WORK_STATE_PAUSED)
    working.cancel()
    await asyncio.wait({working})
    queued = (await people.GetWork(pb.GetWorkRequest(work_id=work.work_id))).work
    assert (queued.state, queued.reason) == (pb.WORK_STATE_QUEUED, "ERROR_REASON_DRAINING")
    api.serve({"/orders": reply(b'[{"order_id": "o-1", "amount": 1}]')})
    await mesh.start_drone(allow_hosts=("127.0.0.1",))
    ended = await mesh.ended(work.work_id)
    assert (ended.state, ended.attempts) == (pb.WORK_STATE_SUCCEEDED, 2)


async def test_a_scheduled_profile_runs_when_applied_and_again_after_its_interval(
    mesh: Any, people: Any, orders: Path
) -> None:
    await mesh.start_drone()
    revision = await mesh.apply(a_document(top="schedule: {every: 1s}"))
    async with asyncio.timeout(20):
        async for answer in people.WatchWork(pb.WatchWorkRequest()):
            if (
                sum(work.state == pb.WORK_STATE_SUCCEEDED for work in answer.work)
                and len(commits := await mesh.commits("shop-orders")) >= 3
            ):
                break
    assert {commit.trigger for commit in commits} == {run_pb2.TRIGGER_SCHEDULE}
    listed = (await people.ListWork(pb.ListWorkRequest(profile_id="shop-orders"))).work
    ticks = [work.trigger_id for work in reversed(listed)]
    assert ticks[0] == revision.create_time.ToJsonString() or ticks[0] < ticks[1]
    assert len(set(ticks)) == len(ticks)
    assert [commit.receipt.delivered for commit in commits[:3]] == [2, 0, 0]


async def test_a_disabled_profile_does_not_run_by_itself_but_by_hand(mesh: Any, people: Any, orders: Path) -> None:
    await mesh.start_drone()
    await mesh.apply(a_document("off", top="enabled: false\nschedule: {every: 1s}"))
    await mesh.apply(a_document("on", top="schedule: {every: 1d}"))
    async with asyncio.timeout(10):
        async for answer in people.WatchWork(pb.WatchWorkRequest()):
            if any(work.state == pb.WORK_STATE_SUCCEEDED for work in answer.work):
                break
    assert not (await people.ListWork(pb.ListWorkRequest(profile_id="off"))).work
    assert (await mesh.run("off")).state == pb.WORK_STATE_SUCCEEDED


async def test_a_deleted_profile_runs_no_more(mesh: Any, people: Any, drone: Any) -> None:
    await mesh.apply(a_document())
    work = await run_now(people)
    await mesh.stub(RegistryServiceStub).DeleteProfile(registry_pb2.DeleteProfileRequest(profile_id="shop-orders"))
    assert not (await lease(drone, wait_seconds=0)).work.work_id
    found = (await people.GetWork(pb.GetWorkRequest(work_id=work.work_id))).work
    assert (found.state, found.message) == (pb.WORK_STATE_CANCELLED, "profile shop-orders was deleted")


async def test_lists_page_and_count(mesh: Any, people: Any, drone: Any) -> None:
    await mesh.apply(a_document())
    works = [await run_now(people, request_id=f"r-{n}") for n in range(5)]
    held = await lease(drone)
    found, token = [], ""
    while True:
        page = await people.ListWork(pb.ListWorkRequest(page_size=2, page_token=token))
        found += page.work
        if not (token := page.next_page_token):
            break
    assert [work.work_id for work in found] == [work.work_id for work in reversed(works)]
    leased = await people.ListWork(pb.ListWorkRequest(state=pb.WORK_STATE_LEASED))
    assert [work.work_id for work in leased.work] == [held.work.work_id]
    mine = await people.ListDroneWork(pb.ListDroneWorkRequest(drone_id="d-1"))
    assert [work.work_id for work in mine.work] == [held.work.work_id]
    bad = pb.ListWorkRequest(page_token="x")
    assert await refusal(people.ListWork(bad)) == "INVALID_ARGUMENT INVALID_PAGE_TOKEN"
    stats = await people.GetDroneStats(pb.GetDroneStatsRequest())
    assert (stats.drones, stats.live_drones, stats.queued_work, stats.leased_work) == (1, 1, 4, 1)
    assert stats.oldest_queued_seconds > 0
    [only] = (await people.ListDrones(pb.ListDronesRequest())).drones
    assert (only.drone_id, only.status, only.leased_work, only.capacity) == ("d-1", "live", 1, 2)
    assert (await people.GetDrone(pb.GetDroneRequest(drone_id="d-1"))).drone.drone_id == "d-1"


async def test_a_watch_begins_with_what_is_new_and_follows_drones(mesh: Any, people: Any, drone: Any) -> None:
    await mesh.apply(a_document())
    first = await run_now(people, request_id="r-1")
    await run_now(people, request_id="r-2")
    watch = people.WatchWork(pb.WatchWorkRequest(after_sequence=first.sequence))
    begin = await watch.read()
    assert [work.trigger_id for work in begin.work] == ["r-2"]
    await mesh.stub(CoordinatorServiceStub, "drone").RegisterDrone(pb.RegisterDroneRequest(drone_id="d-2"))
    async with asyncio.timeout(5):
        assert [found.drone_id for found in (await watch.read()).drones] == ["d-2"]
        await lease(drone)
        assert [work.state for work in (await watch.read()).work] == [pb.WORK_STATE_LEASED]
    watch.cancel()


async def preview(people: Any, document: str, **options: Any) -> pb.PreviewProfileResponse:
    body = HttpBody(content_type="application/yaml", data=document.encode())
    answer: pb.PreviewProfileResponse = await people.PreviewProfile(pb.PreviewProfileRequest(body=body), **options)
    return answer


async def test_a_preview_shows_records_and_errors_and_leaves_nothing(mesh: Any, people: Any, orders: Path) -> None:
    await mesh.start_drone()
    before = (
        sorted(path for path in (mesh.data_dir / "default").rglob("*")) if (mesh.data_dir / "default").exists() else []
    )
    found = await preview(people, a_document())
    assert [MessageToDict(record)["dims"] for record in found.records] == [{"order_id": "o-1"}, {"order_id": "o-2"}]
    assert [(error.record, error.errors[0].field) for error in found.errors] == [(1, "amount")]
    assert (found.receipt.extracted, found.receipt.quarantined) == (3, 1)
    after = (
        sorted(path for path in (mesh.data_dir / "default").rglob("*")) if (mesh.data_dir / "default").exists() else []
    )
    assert after == before
    assert not (await people.ListWork(pb.ListWorkRequest())).work


async def test_a_preview_answers_with_what_the_drone_met(mesh: Any, people: Any) -> None:
    await mesh.start_drone()
    outside = preview(people, a_document(path="/etc/passwd"))
    assert await refusal(outside) == "PERMISSION_DENIED PATH_NOT_ALLOWED"
    missing = preview(people, a_document())
    assert await refusal(missing) == "NOT_FOUND FILE_NOT_FOUND"


async def test_a_bad_document_is_refused_before_any_drone(mesh: Any, people: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await preview(people, a_document() + "limit: {}\n")
    found = error_of(caught.value)
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert found.violations[0].description == '7:1 unknown key "limit"; did you mean "limits"?'
    assert found.message.endswith("Nothing was fetched.")


async def test_a_preview_without_a_drone_is_unavailable(mesh: Any, people: Any) -> None:
    assert await refusal(preview(people, a_document(), timeout=1.5)) == "UNAVAILABLE NO_DRONE"
