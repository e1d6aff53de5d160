"""What a drone has done, as Prometheus sees it."""

from __future__ import annotations

from chartly.api.run.v1 import run_pb2
from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)
_COUNTS = ("extracted", "delivered", "quarantined", "filtered")


class IngestCounters:
    """Records and bytes of ended attempts, and the seconds that these took; `delivered` holds what was staged."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = Counter(
            "chartly_ingest_records",
            "Records of ended attempts, by what became of them.",
            ["result"],
            registry=registry,
        )
        self._bytes = Counter("chartly_ingest_bytes", "Bytes that ended attempts took from sources.", registry=registry)
        self._seconds = Histogram(
            "chartly_ingest_seconds", "Seconds that attempts took.", registry=registry, buckets=_SECONDS
        )

    def add(self, receipt: run_pb2.Receipt, seconds: float) -> None:
        """Count an attempt that has ended."""
        for name in _COUNTS:
            self._records.labels(name).inc(getattr(receipt, name))
        self._bytes.inc(receipt.size_bytes)
        self._seconds.observe(seconds)
