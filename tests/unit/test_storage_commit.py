"""CommitRun: what a run that commits leaves, and what is refused."""

from __future__ import annotations

from typing import Any


async def test_a_first_run_is_committed_by_reference(storage: Any) -> None:
    rows = [("MI01", 5, 1), ("MI01", 5, 1), ("RM01", 7, 2)]
    commit = await storage.run("first", [rows[:2], rows[2:]], raw=[b"page 1", b"page 2"], quarantined=1)
    assert (commit.version, commit.sequence, commit.row_count) == (1, 1, 3)
    assert (commit.receipt.delivered, commit.receipt.deduplicated, commit.receipt.extracted) == (3, 0, 4)
    assert await storage.rows() == sorted(rows)


