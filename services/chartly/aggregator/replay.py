"""Replaying quarantined records: what makes a replay the same as another, and its records as pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chartly.aggregator.intake import Bring
from chartly.api.aggregator.v1.aggregator_pb2 import QuarantinedRecord
from chartly.api.run.v1.run_pb2 import TRIGGER_REPLAY

if TYPE_CHECKING:
    import pyarrow as pa
    from chartly.engine.pages import Page

_RECORDS_PER_BATCH = 10_000


def replay_of(records: Sequence[QuarantinedRecord], profile_digest: str) -> Bring:
    """Return the replay of all open records of some runs by one revision: the same runs and revision are the same replay."""
    run_ids = sorted({record.run_id for record in records})
    digest = hashlib.sha256("\n".join([profile_digest, *run_ids]).encode()).hexdigest()
    size_bytes = sum(len(record.raw.encode()) for record in records)
    return Bring(TRIGGER_REPLAY, digest, size_bytes=size_bytes, replayed_run_ids=run_ids)


def origins_of(records: Sequence[QuarantinedRecord]) -> pa.Table:
    """Return where each record stood in its first run: its page, its place there, and the digest of the page's bytes."""
    import pyarrow as pa

    return pa.table(
        {
            "page": pa.array([record.page for record in records], pa.int64()),
            "record": pa.array([record.record for record in records], pa.int64()),
            "raw_digest": pa.array([record.raw_digest or None for record in records], pa.string()),
        }
    )


def open_batches(records: Sequence[QuarantinedRecord]) -> Iterator[list[Page]]:
    """Return the records as NDJSON, a page a batch. A raw record that is no JSON stays one line, and stays refused."""
    from chartly.engine.pages import Page

    for start in range(0, len(records), _RECORDS_PER_BATCH):
        lines = [_line(record.raw) for record in records[start : start + _RECORDS_PER_BATCH]]
        data = "\n".join(lines).encode()
        yield [Page(number=1, data=data, format="ndjson", first_record=start + 1)]


def _line(raw: str) -> str:
    """Return a JSON text as one line. A line end can only stand between its tokens; nothing else counts as one here."""
    return raw.replace("\r", " ").replace("\n", " ").strip() or "-"
