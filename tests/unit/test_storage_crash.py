"""A commit that dies at any boundary is repaired by its repetition, whoever repeats it, and leaves nothing behind.

The boundaries are those that a commit without a fault reaches.
"""

from __future__ import annotations

import itertools
from hashlib import sha256
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.runtime import boundary
from chartly.storage import log

# A commit that adds a column, rewrites a file, writes the delivered rows anew and adopts two pages and a quarantine file.
BEFORE = [("MI01", 1, 1), ("RM01", 1, 1)]
STAGED = [[("MI01", 2, 2), ("TO01", 1, 1)], [("MI01", 3, 3), ("RM01", 1, 1)]]
AFTER = [("MI01", 3, 3), ("RM01", 1, 1), ("TO01", 1, 1)]
MOST = 40


def a_work_key(name: str) -> str:
    return sha256(name.encode()).hexdigest()


class Killed(BaseException):
    """The process is gone."""


class Hook:
    """Counts boundaries, and ends everything at one of them."""

    def __init__(self, last: int | None = None) -> None:
        self.reached: list[tuple[str, str, str]] = []
        self._last = last

    def __call__(self, kind: str, name: str, when: str) -> None:
        if kind == "database":  # its commits are shared by all; the tests that kill processes end those too
            return
        self.reached.append((kind, name, when))
        if self._last is not None and len(self.reached) > self._last:
            raise Killed


class Outcome(NamedTuple):
    """What must not depend on a crash."""

    rows: list[Any]
    receipt: Any
    quarantined: bytes
    artifacts: set[str]
    data_files: int


async def stage(storage: Any, schema: pa.Schema, token: int) -> pb.CommitRunRequest:
    wider = schema.append(pa.field("items", pa.int64(), metadata={"kind": "measure"}))
    request: pb.CommitRunRequest = await storage.stage(
        "work", STAGED, token=token, schema=wider, primary_key=["shop"], raw=[b"one", b"two"], quarantined=1
    )
    return request


async def outcome_of(storage: Any, commit: pb.Commit) -> Outcome:
    await storage.collector.collect()
    files = storage.files()
    logged = log.read(storage.folder / "datasets/shop-orders", after=commit.version - 1)[0].commit
    assert logged is not None
    assert logged["event"]["event_id"] in await storage.entries()
    assert not [name for name in files if name.startswith("stages/")]
    assert not list((storage.folder / "stages").iterdir())
    return Outcome(
        rows=await storage.rows(),
        receipt=commit.receipt,
        quarantined=(await storage.artifact(commit.quarantine_digest))[1],
        artifacts={name for name in files if name.startswith("artifacts/")},
        data_files=sum(name.startswith("datasets/") for name in files),
    )


async def prepared(storage: Any, schema: pa.Schema) -> pb.CommitRunRequest:
    await storage.run("before", [BEFORE], primary_key=["shop"])
    return await stage(storage, schema, token=1)


async def test_a_commit_without_a_fault_reaches_the_boundaries(
    storage: Any, a_schema: pa.Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Hook()
    request = await prepared(storage, a_schema)
    monkeypatch.setattr(boundary, "reached", hook)
    commit = await storage.commit(request)
    monkeypatch.undo()
    assert (await outcome_of(storage, commit)).rows == AFTER
    assert 16 <= len(hook.reached) <= MOST
    assert {name for _, name, _ in hook.reached} == {
        "shop-orders/columns",
        "shop-orders/commit",
        "storage/data_file",
        "storage/quarantine_file",
        "storage/raw_page",
        "storage/stage_removal",
    }


@pytest.mark.parametrize("same_attempt", [True, False], ids=["same-attempt", "next-attempt"])
async def test_a_commit_that_dies_is_repaired(
    of_tenant: Any, a_schema: pa.Schema, monkeypatch: pytest.MonkeyPatch, same_attempt: bool
) -> None:
    expected: Outcome | None = None
    for last in itertools.chain([None], range(MOST)):
        storage = of_tenant(f"killed-at-{last}")
        request, hook = await prepared(storage, a_schema), Hook(last)
        monkeypatch.setattr(boundary, "reached", hook)
        try:
            commit = await storage.commit(request)
        except Killed:
            monkeypatch.undo()
            storage.restart()
            await storage.projection.catch_up_all(storage.caller.principal.tenant)
            storage.caller.numbers = iter(["repeated"])
            commit = await (storage.commit(request) if same_attempt else next_attempt(storage, a_schema))
        monkeypatch.undo()
        outcome = await outcome_of(storage, commit)
        expected = expected or outcome
        assert outcome == expected, f"killed at {hook.reached[-1]}"
        if last is not None and len(hook.reached) <= last:
            assert last >= 16
            return
    pytest.fail(f"a commit reaches more than {MOST} boundaries")


async def next_attempt(storage: Any, schema: pa.Schema) -> pb.Commit:
    """What a drone does that holds the work's next lease: it stages and commits again, unless the work has committed."""
    wanted = pb.CreateStageRequest(dataset_id="shop-orders", work_key=a_work_key("work"), token=2)
    opened = await storage.servicer.CreateStage(wanted, storage.caller)
    commit: pb.Commit = (
        opened.commit if opened.HasField("commit") else await storage.commit(await stage(storage, schema, token=2))
    )
    return commit


async def test_a_stage_that_dies_before_its_folder_is_made_can_be_opened_again(storage: Any) -> None:
    request = await storage.stage("work", [[("MI01", 1, 1)]])
    folder = storage.folder / "stages" / request.stage_id
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    folder.rmdir()
    again = await storage.stage("work", [[("MI01", 1, 1)]])
    assert (await storage.commit(again)).receipt.delivered == 1
