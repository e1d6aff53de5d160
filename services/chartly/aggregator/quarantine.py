"""Quarantined records, as the Parquet file that a commit names holds them."""

from __future__ import annotations

import io
from collections.abc import Iterator

from chartly.api.aggregator.v1.aggregator_pb2 import QuarantinedRecord
from chartly.api.run.v1.run_pb2 import RecordErrorReason
from chartly.api.storage.v1.storage_pb2 import Commit


def quarantined_by(commit: Commit, parquet: bytes) -> list[QuarantinedRecord]:
    """Return the records that a commit put in quarantine, in the order of its file. Blocks while it decodes."""
    return [_record(commit, number, row) for number, row in enumerate(_rows(parquet), start=1)]


def _rows(parquet: bytes) -> Iterator[dict[str, object]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(io.BytesIO(parquet)).iter_batches(batch_size=1000):
        yield from batch.to_pylist()


def _record(commit: Commit, number: int, row: dict[str, object]) -> QuarantinedRecord:
    errors = row.pop("errors")
    record = QuarantinedRecord(
        quarantine_id=f"q-{commit.run_id.removeprefix('r-')}-{number}",
        run_id=commit.run_id,
        profile_id=commit.revision.profile_id,
        profile_version=commit.revision.version,
        create_time=commit.commit_time,
        **{name: value for name, value in row.items() if value is not None},  # type: ignore[arg-type]  # page, record, raw, raw_digest
    )
    for error in errors:  # type: ignore[attr-defined]  # a list of structs
        reason = RecordErrorReason.Value(error["reason"])
        record.errors.add(
            reason=reason,
            field=error["field"] or "",
            message=error["message"],
            value_digest=error["value_digest"] or "",
        )
    return record
