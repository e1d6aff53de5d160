"""Storage on a temporary folder, and runs that stage and commit there, for the tests named test_storage_*."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.api.audit.v1.audit_pb2 import Event
from chartly.api.run.v1 import run_pb2
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.runtime.identity import Principal
from chartly.storage.collector import Collector
from chartly.storage.datasets import Datasets, Limits
from chartly.storage.metrics import IngestMetrics
from chartly.storage.projection import Projection
from chartly.storage.servicer import StorageServicer
from chartly.storage.store import StorageStore
from prometheus_client import CollectorRegistry

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def a_column(name: str, kind: pa.DataType, role: str, **metadata: str) -> pa.Field:
    return pa.field(name, kind, metadata={"kind": role, **metadata})


SCHEMA = pa.schema(
    [
        a_column("record_id", pa.string(), "system"),
        a_column("run_id", pa.string(), "system"),
        a_column("observed_at", pa.timestamp("us", "UTC"), "system"),
        a_column("shop", pa.string(), "dim", description="where"),
        a_column("amount", pa.int64(), "measure", unit="EUR"),
    ]
)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Caller:
    """What the servicer reads of a context."""

    principal: Principal
    request_id: str = "request-1"
    numbers: Any = field(default_factory=itertools.count)
    resource: str = ""

    def carry_audit_event(self) -> Event:
        event = Event(event_id=f"event-{next(self.numbers)}", tenant=self.principal.tenant, actor="key/drone")
        event.action, event.resource, event.outcome = "dataset.commit", "datasets/shop-orders", "OK"
        event.time.FromDatetime(START)
        return event

    def audit_resource(self, resource: str) -> None:
        self.resource = resource


Row = tuple[str, int, int | None]


def a_work_key(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def a_table(rows: Iterable[Row], run_id: str, schema: pa.Schema = SCHEMA) -> pa.Table:
    """Rows of shop, amount and the day they were observed on."""
    values = [
        {
            "record_id": sha256(repr(row).encode()).hexdigest(),
            "run_id": run_id,
            "observed_at": None if row[2] is None else START + timedelta(days=row[2]),
            "shop": row[0],
            "amount": row[1],
        }
        for row in rows
    ]
    return pa.Table.from_pylist(values, schema=schema)


class Storage:
    """Storage as one process has it."""

    def __init__(self, data_dir: Path, store: StorageStore, clock: Clock, tenant: str = "default") -> None:
        self.data_dir = data_dir
        self.folder = data_dir / tenant
        self.store = store
        self.clock = clock
        self.registry = CollectorRegistry()
        self.ingest = IngestMetrics(self.registry)
        self.caller: Any = Caller(Principal("k-1", "key/drone", tenant, frozenset(), frozenset()))
        self.restart()

    def restart(self) -> None:
        """Forget all that a process has in memory."""
        limits = Limits(timedelta(hours=6), timedelta(hours=1), query_memory_bytes=256 << 20, query_threads=1)
        self.projection = Projection(self.store, self.data_dir)
        self.datasets = Datasets(self.store, self.projection, limits, now=self.clock)
        self.collector = Collector(self.store, self.projection, keep_superseded=timedelta(days=30), now=self.clock)
        self.servicer = StorageServicer(
            self.store, self.datasets, self.projection, self.ingest, now=self.clock, max_artifact_bytes=1 << 20
        )

    async def stage(
        self,
        work: str,
        files: Iterable[list[Row]],
        *,
        token: int = 1,
        dataset_id: str = "shop-orders",
        primary_key: Iterable[str] = (),
        raw: Iterable[bytes] = (),
        quarantined: int = 0,
        filtered: int = 0,
        schema: pa.Schema = SCHEMA,
    ) -> pb.CommitRunRequest:
        """Open a stage, write a run's files into it, and return the request that commits them."""
        answer = await self.servicer.CreateStage(
            pb.CreateStageRequest(dataset_id=dataset_id, work_key=a_work_key(work), token=token), self.caller
        )
        folder, run_id = Path(urlparse(answer.uri).path), f"r-{a_work_key(work)[:20]}"
        request = pb.CommitRunRequest(
            dataset_id=dataset_id,
            work_key=a_work_key(work),
            token=token,
            stage_id=answer.stage_id,
            run_id=run_id,
            revision=pb.ProfileRevision(profile_id=dataset_id, revision=1, version="1.0.0", digest="sha256:0"),
            arrow_schema=schema.serialize().to_pybytes(),
            primary_key=primary_key,
            state=run_pb2.RUN_STATE_SUCCEEDED,
            trigger=run_pb2.TRIGGER_MANUAL,
            drone_id="d-1",
        )
        staged = 0
        for number, rows in enumerate(files):
            path = folder / "data" / f"part-{number}.parquet"
            pq.write_table(a_table(rows, run_id, schema), path)
            request.data_files.add(name=path.name, row_count=len(rows), size_bytes=path.stat().st_size)
            staged += len(rows)
        for number, page in enumerate(raw, 1):
            digits = sha256(page).hexdigest()
            (folder / "raw" / digits).write_bytes(page)
            request.raw_pages.add(
                digest=f"sha256:{digits}", media_type="application/json", page=number, size_bytes=len(page)
            )
        if quarantined:
            path = folder / "quarantine.parquet"
            pq.write_table(pa.table({"raw": ["{}"] * quarantined}), path)
            request.quarantine_file.name, request.quarantine_file.row_count = path.name, quarantined
            request.quarantine_file.size_bytes = path.stat().st_size
        receipt = request.receipt
        receipt.extracted, receipt.delivered = staged + quarantined + filtered, staged
        receipt.quarantined, receipt.filtered = quarantined, filtered
        return request

    async def commit(self, request: pb.CommitRunRequest) -> pb.Commit:
        answer = await self.servicer.CommitRun(request, self.caller)
        return answer.commit

    async def run(self, work: str, files: Iterable[list[Row]], **options: Any) -> pb.Commit:
        """Stage a run and commit it."""
        return await self.commit(await self.stage(work, files, **options))

    async def rows(self, dataset_id: str = "shop-orders", version: int = 0) -> list[Row]:
        """The rows of a version, sorted."""
        opened = await self.servicer.OpenSnapshot(
            pb.OpenSnapshotRequest(dataset_id=dataset_id, version=version), self.caller
        )
        await self.servicer.CloseSnapshot(pb.CloseSnapshotRequest(snapshot_id=opened.snapshot_id), self.caller)
        tables = [pq.read_table(urlparse(uri).path) for uri in opened.file_uris]
        found = [row for table in tables for row in table.to_pylist()]
        assert len(found) == opened.row_count
        rows = [
            (row["shop"], row["amount"], None if row["observed_at"] is None else (row["observed_at"] - START).days)
            for row in found
        ]
        return sorted(rows, key=repr)

    async def artifact(self, digest: str) -> tuple[str, bytes]:
        """Media type and bytes of an artifact."""
        bodies = [body async for body in self.servicer.GetArtifact(pb.GetArtifactRequest(digest=digest), self.caller)]
        return bodies[0].content_type, b"".join(body.data for body in bodies)

    def files(self) -> list[str]:
        """All that lies in the tenant's folder, but for the logs."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and "_delta_log" not in path.parts]
        return sorted(str(path.relative_to(self.folder)) for path in files)

    def inode(self, name: str) -> int:
        """What tells a file from others, wherever it moves."""
        return (self.folder / name).stat().st_ino

    async def entries(self) -> list[str]:
        """The ids of the entries in the outbox."""
        from chartly.runtime.outbox import OUTBOX
        from sqlalchemy import select

        async with self.store.database.read() as connection:
            found = select(OUTBOX).where(OUTBOX.c.tenant == self.caller.principal.tenant).order_by(OUTBOX.c.sequence)
            return [row.event_id for row in await connection.execute(found)]


@pytest.fixture
def a_schema() -> pa.Schema:
    return SCHEMA


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def storage(tmp_path: Path, clock: Clock) -> AsyncIterator[Storage]:
    async with StorageStore.open("sqlite+aiosqlite://") as store:
        yield Storage(tmp_path, store, clock)


@pytest.fixture
def of_tenant(storage: Storage) -> Callable[[str], Storage]:
    """The same storage, as another tenant sees it."""
    return lambda tenant: Storage(storage.data_dir, storage.store, storage.clock, tenant)
