"""What storage counts for Prometheus, since its start."""

from __future__ import annotations

from chartly.api.run.v1.run_pb2 import RunState
from chartly.api.storage.v1 import storage_pb2 as pb
from prometheus_client import CollectorRegistry, Counter

OUTCOMES = ("delivered", "deduplicated", "quarantined", "filtered")


class IngestMetrics:
    """Runs that committed, what became of their records, and the bytes that they fetched."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._runs = Counter("chartly_ingest_runs", "Runs that committed.", ["state"], registry=registry)
        self._records = Counter(
            "chartly_ingest_records", "Records of runs that committed.", ["outcome"], registry=registry
        )
        self._bytes = Counter("chartly_ingest_bytes", "Bytes that runs that committed have fetched.", registry=registry)

    def add(self, commit: pb.Commit) -> None:
        """Count a commit."""
        self._runs.labels(RunState.Name(commit.state).removeprefix("RUN_STATE_")).inc()
        for outcome in OUTCOMES:
            self._records.labels(outcome).inc(getattr(commit.receipt, outcome))
        self._bytes.inc(commit.receipt.size_bytes)
