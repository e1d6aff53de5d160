"""What the store keeps, one class for each kind of row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chartly.api.audit.v1.audit_pb2 import Event


@dataclass(frozen=True)
class Stage:
    """A folder for the files of one attempt."""

    stage_id: str
    dataset_id: str
    work_key: str
    token: int
    expire_time: datetime


@dataclass(frozen=True)
class DatasetState:
    """How far a dataset is projected, and what its log says of it so far."""

    dataset_id: str
    delta_version: int = -1
    """Version of the Delta table up to which the log is projected; -1 for none."""
    first_version: int = 0
    """Oldest version whose files are all kept."""
    size_bytes: int = 0
    delta_schema: str = ""
    primary_key: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredCommit:
    """A commit as the projection keeps it."""

    dataset_id: str
    version: int
    work_key: str
    token: int
    commit_time: datetime
    message: bytes
    """The `Commit` message without its sequence number."""
    sequence: int = 0


@dataclass(frozen=True)
class Artifact:
    """What is kept under a digest."""

    digest: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True)
class Snapshot:
    """A lease on the files of a version."""

    snapshot_id: str
    dataset_id: str
    version: int
    expire_time: datetime


@dataclass(frozen=True)
class Projected:
    """What one version of a table's log adds to the projection."""

    state: DatasetState
    removed: Sequence[str]
    commit: StoredCommit | None = None
    artifacts: Sequence[Artifact] = ()
    event: Event | None = None
