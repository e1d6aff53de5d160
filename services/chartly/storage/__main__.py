"""`chartly serve storage`."""

from __future__ import annotations

import sys
from datetime import timedelta

from chartly import runtime
from chartly.storage.collector import Collector
from chartly.storage.config import StorageSettings
from chartly.storage.datasets import Datasets, Limits
from chartly.storage.metrics import IngestMetrics
from chartly.storage.projection import Projection
from chartly.storage.servicer import StorageServicer
from chartly.storage.store import StorageStore


async def wire(settings: StorageSettings, store: StorageStore, clients: runtime.Clients) -> runtime.Server:
    """Return a server with storage in it, whose tables say what the logs say."""
    projection = Projection(store, settings.data_dir)
    await projection.recover()
    limits = Limits(
        stage=timedelta(seconds=settings.stage_seconds),
        snapshot=timedelta(seconds=settings.snapshot_seconds),
        query_memory_bytes=settings.query_memory_bytes,
        query_threads=settings.query_threads,
    )
    datasets = Datasets(store, projection, limits, now=runtime.utc_now)
    keep = timedelta(days=settings.superseded_days)
    collector = Collector(store, projection, keep_superseded=keep, now=runtime.utc_now)
    server = runtime.Server(settings, clients=clients, outbox=runtime.Outbox(store.database, clients))
    ingest = IngestMetrics(server.metrics.registry)
    limit = settings.max_artifact_bytes
    server.add(StorageServicer(store, datasets, projection, ingest, now=runtime.utc_now, max_artifact_bytes=limit))
    server.background("collector", lambda: collector.run(every_seconds=settings.collection_seconds))
    return server


async def main(settings: StorageSettings) -> None:
    """Serve until a signal."""
    async with StorageStore.open(settings.database_url) as store, runtime.Clients(settings) as clients:
        await (await wire(settings, store, clients)).serve_until_signal()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, StorageSettings, sys.argv[1:]))
