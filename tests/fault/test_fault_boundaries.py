"""A process that is killed at any boundary of a run changes nothing of what the run leaves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from fault_run import Client

COLLECTION_SECONDS = 20.0
REACH_SECONDS = 3.0
RUNS = 4


def test_a_run_has_boundaries_of_every_kind_in_each_process(without_fault: Any) -> None:
    kinds = {tuple(boundary.split(" ")[:2]) for boundary in without_fault.boundaries}
    assert {("drone", "rpc_client"), ("drone", "file"), ("storage", "rpc_server"), ("storage", "file")} <= kinds
    assert {
        ("storage", "delta"),
        ("storage", "database"),
        ("coordinator", "database"),
        ("aggregator", "database"),
    } <= kinds
    assert len(without_fault.boundaries) >= 40
    assert without_fault.outcome.receipt["quarantined"] == "1"
    assert without_fault.outcome.receipt["delivered"] == "9"


def test_a_kill_at_a_boundary_changes_nothing(boundary: str, field: Any, without_fault: Any) -> None:
    mesh, orders = field.for_a_kill_of(boundary.split(" ", maxsplit=1)[0])
    with Client(mesh.url, mesh.admin_key) as client:
        # What a process does by the clock can share a commit with the run, so one run may not reach the last of them.
        for _ in range(RUNS):
            profile_id = field.new_profile_id()
            client.create(profile_id, field.source.server_port)
            orders.kill(boundary, profile_id)
            work_id = client.run(profile_id)
            client.wait(profile_id, work_id)
            reached = _within(REACH_SECONDS, lambda: orders.has_killed)
            orders.rest()
            assert client.outcome(profile_id, work_id) == without_fault.outcome
            if reached:
                break
    assert reached, f"{boundary} was not reached"
    stages = mesh.data_dir / "default" / "stages"
    assert _within(COLLECTION_SECONDS, lambda: not _names(stages)), f"staged files stay: {_names(stages)}"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _within(seconds: float, condition: Any) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
