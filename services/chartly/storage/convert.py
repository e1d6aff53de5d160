"""Messages to domain values and back, and what of them stands in the Delta log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chartly.api.audit.v1.audit_pb2 import Event
from chartly.api.run.v1.run_pb2 import Receipt
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.storage import layout
from chartly.storage.publish import Counts, Describe, Draft, Outcome, RawPage, StagedFile
from chartly.storage.rows import Artifact, DatasetState, StoredCommit
from chartly.storage.schema import columns_of
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True)
class StagedArtifact:
    """A staged file that a commit makes an artifact."""

    digest: str
    media_type: str
    path: str
    """Below the stage."""
    role: str
    """What it is, for the boundaries: `raw_page` or `quarantine_file`."""


def draft(request: pb.CommitRunRequest) -> Draft:
    """What a call wants to commit."""
    quarantine = request.quarantine_file if request.HasField("quarantine_file") else None
    receipt = request.receipt
    return Draft(
        dataset_id=request.dataset_id,
        work_key=request.work_key,
        token=request.token,
        arrow_schema=request.arrow_schema,
        primary_key=tuple(request.primary_key),
        data_files=tuple(_staged_file(file) for file in request.data_files),
        quarantine_file=_staged_file(quarantine) if quarantine else None,
        raw_pages=tuple(RawPage(page.digest, page.size_bytes) for page in request.raw_pages),
        counts=Counts(receipt.extracted, receipt.delivered, receipt.quarantined, receipt.filtered),
    )


def description(request: pb.CommitRunRequest, event: Event, *, now: Callable[[], datetime]) -> Describe:
    """What the log says of the commit that a call makes: the `Commit`, the key of the dataset, and the ledger's entry."""

    def describe(outcome: Outcome) -> dict[str, Any]:
        receipt = Receipt()
        receipt.CopyFrom(request.receipt)
        receipt.delivered, receipt.deduplicated = outcome.delivered, outcome.deduplicated
        commit = pb.Commit(
            dataset_id=request.dataset_id,
            version=outcome.version,
            work_key=request.work_key,
            token=request.token,
            run_id=request.run_id,
            revision=request.revision,
            receipt=receipt,
            state=request.state,
            trigger=request.trigger,
            drone_id=request.drone_id,
            quarantine_digest=outcome.quarantine_digest,
            raw_pages=request.raw_pages,
            replayed_run_ids=request.replayed_run_ids,
            row_count=outcome.row_count,
            commit_time=timestamp(now()),
        )
        return {"commit": _to_json(commit), "primary_key": list(request.primary_key), "event": _to_json(event)}

    return describe


def stored_commit(metadata: Mapping[str, Any]) -> StoredCommit:
    """The commit that a log's entry speaks of."""
    commit = _commit_of(metadata)
    return StoredCommit(
        dataset_id=commit.dataset_id,
        version=commit.version,
        work_key=commit.work_key,
        token=commit.token,
        commit_time=commit.commit_time.ToDatetime(UTC),
        message=commit.SerializeToString(deterministic=True),
    )


def commit_time_of(metadata: Mapping[str, Any]) -> datetime:
    """When the commit of a log's entry was made."""
    return stored_commit(metadata).commit_time


def artifacts_of(metadata: Mapping[str, Any]) -> list[StagedArtifact]:
    """The staged files that the commit of a log's entry makes artifacts."""
    commit = _commit_of(metadata)
    found = [
        StagedArtifact(page.digest, page.media_type, f"{layout.RAW}/{layout.digits_of(page.digest)}", "raw_page")
        for page in commit.raw_pages
    ]
    if commit.quarantine_digest:
        found.append(StagedArtifact(commit.quarantine_digest, PARQUET, layout.QUARANTINE, "quarantine_file"))
    return found


def primary_key_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The key of the dataset after the commit of a log's entry."""
    return tuple(metadata["primary_key"])


def event_of(metadata: Mapping[str, Any]) -> Event:
    """The ledger's entry that a log's entry carries."""
    return ParseDict(metadata["event"], Event())


def commit(stored: StoredCommit) -> pb.Commit:
    """A commit as callers see it."""
    message = pb.Commit.FromString(stored.message)
    message.sequence = stored.sequence
    return message


def dataset(state: DatasetState, latest: StoredCommit, digest: str = "") -> pb.Dataset:
    """A dataset as callers see it."""
    message = commit(latest)
    return pb.Dataset(
        dataset_id=state.dataset_id,
        version=message.version,
        row_count=message.row_count,
        size_bytes=state.size_bytes,
        columns=[pb.Column(**vars(column)) for column in columns_of(json.loads(state.delta_schema))],
        primary_key=state.primary_key,
        digest=digest,
        revision=message.revision,
        update_time=message.commit_time,
    )


def artifact(kept: Artifact) -> pb.Artifact:
    """An artifact as callers see it."""
    return pb.Artifact(digest=kept.digest, size_bytes=kept.size_bytes, media_type=kept.media_type)


def timestamp(instant: datetime) -> Timestamp:
    """An instant as a message."""
    message = Timestamp()
    message.FromDatetime(instant)
    return message


def _commit_of(metadata: Mapping[str, Any]) -> pb.Commit:
    return ParseDict(metadata["commit"], pb.Commit())


def _staged_file(file: pb.StagedFile) -> StagedFile:
    return StagedFile(file.name, file.row_count, file.size_bytes)


def _to_json(message: pb.Commit | Event) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True)
