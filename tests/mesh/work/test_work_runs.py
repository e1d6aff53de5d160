"""Runs from lease to commit: coordinator, storage and a drone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chartly.api.coordinator.v1 import coordinator_pb2 as pb
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
