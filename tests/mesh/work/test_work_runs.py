"""Runs from lease to commit: coordinator, storage and a drone."""

from __future__ import annotations

import asyncio
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.coordinator.v1.coordinator_pb2_grpc import CoordinatorServiceStub
from chartly.api.run.v1 import run_pb2

SHOP = """
profile_id: shop-orders
source: {file: {path: orders.ndjson}}
dims: {order_id: {type: string, required: true}}
measures: {amount: {type: integer, minimum: 0}}
"""


def orders(*amounts: Any) -> bytes:
    lines = [json.dumps({"order_id": f"o-{number}", "amount": amount}) for number, amount in enumerate(amounts)]
    return "\n".join(lines).encode()


def counts(receipt: run_pb2.Receipt) -> tuple[int, int, int, int, int]:
    return receipt.extracted, receipt.delivered, receipt.deduplicated, receipt.quarantined, receipt.filtered


async def test_a_file_becomes_a_dataset_and_a_second_run_delivers_nothing(mesh: Any, files: Path) -> None:
    (files / "orders.ndjson").write_bytes(orders(1, 2, -3, "many"))
    await mesh.apply(SHOP)
    await mesh.start_drone()
    first, second = await mesh.run("shop-orders"), await mesh.run("shop-orders")
    assert [work.state for work in (first, second)] == [pb.WORK_STATE_SUCCEEDED] * 2, (first, second)
    commits = await mesh.commits("shop-orders")
    assert [counts(commit.receipt) for commit in commits] == [(4, 2, 0, 2, 0), (4, 0, 2, 2, 0)]
    assert [commit.run_id for commit in commits] == [first.run_id, second.run_id]
    assert commits[0].receipt.paging_end == run_pb2.PAGING_END_EXHAUSTED
    log = (await mesh.artifact(first.log_digest)).decode()
    assert [json.loads(line)["message"] for line in log.splitlines()] == ["attempt begins", "staged", "committed"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("cut.csv.zip", "DATA_CORRUPT"),
        ("bad.csv.zip", "DATA_CORRUPT"),
        ("../data/admin.key", "PATH_NOT_ALLOWED"),
        ("/etc/passwd", "PATH_NOT_ALLOWED"),
        ("none.ndjson", "FILE_NOT_FOUND"),
        ("orders.xls", "UNSUPPORTED_FORMAT"),
        ("package:no_such_package/a.csv", "FILE_NOT_FOUND"),
    ],
)
async def test_a_file_that_cannot_be_read_ends_the_run_before_its_commit(
    mesh: Any, files: Path, path: str, reason: str
) -> None:
    with zipfile.ZipFile(files / "bad.csv.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("bad.csv", b"order_id,amount\n" + b"o-1,1\n" * 2_000_000)
    whole = (files / "bad.csv.zip").read_bytes()
    (files / "cut.csv.zip").write_bytes(whole[: len(whole) // 2])
    middle = len(whole) // 2
    (files / "bad.csv.zip").write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    (files / "orders.xls").touch()
    await mesh.apply(SHOP.replace("orders.ndjson", f"'{path}'"))
    await mesh.start_drone()
    work = await mesh.run("shop-orders")
    assert (work.state, work.reason, work.attempts) == (pb.WORK_STATE_DEAD, f"ERROR_REASON_{reason}", 1)
    assert await mesh.commits("shop-orders") == []
    assert not mesh.staged()


async def test_a_dead_run_can_be_redriven_once_its_file_is_there(mesh: Any, files: Path) -> None:
    await mesh.apply(SHOP)
    await mesh.start_drone()
    dead = await mesh.run("shop-orders")
    assert (dead.state, dead.log_digest != "") == (pb.WORK_STATE_DEAD, True)
    (files / "orders.ndjson").write_bytes(orders(1, 2))
    people = mesh.stub(CoordinatorServiceStub)
    await people.RedriveWork(pb.RedriveWorkRequest(work_id=dead.work_id))
    ended = await mesh.work_when(dead.work_id, lambda work: work.state == pb.WORK_STATE_SUCCEEDED)
    assert (ended.run_id, ended.attempts, ended.token) == (dead.run_id, 1, 2)


async def test_runs_of_one_profile_follow_one_another_and_of_two_go_side_by_side(mesh: Any, files: Path) -> None:
    (files / "orders.ndjson").write_bytes(orders(1, 2))
    await mesh.apply(SHOP)
    await mesh.apply(SHOP.replace("shop-orders", "other-orders"))
    await mesh.start_drone(capacity=3)
    names = ["shop-orders", "shop-orders", "other-orders"]
    works = await asyncio.gather(*(mesh.run(name, f"r-{number}") for number, name in enumerate(names)))
    assert [work.state for work in works] == [pb.WORK_STATE_SUCCEEDED] * 3
    first, second = sorted(works[:2], key=lambda work: work.start_time.ToDatetime())
    assert first.end_time.ToDatetime() <= second.start_time.ToDatetime()
    assert [commit.receipt.delivered for commit in await mesh.commits("shop-orders")] == [2, 0]
