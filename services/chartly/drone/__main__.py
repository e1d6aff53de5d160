"""`chartly drone`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from chartly import runtime
from chartly.drone.config import DroneSettings
from chartly.drone.counters import IngestCounters
from chartly.drone.sources import Sources
from chartly.drone.worker import Worker
from chartly.runtime.telemetry import Metrics, MetricsServer

logger = logging.getLogger(__name__)


async def main(settings: DroneSettings) -> None:
    """Work until a signal."""
    sources = Sources(file_roots=settings.file_roots, allow_hosts=settings.allow_hosts, data_dir=settings.data_dir)
    metrics = Metrics()
    metrics_server = MetricsServer(metrics)
    async with runtime.Clients(settings) as clients:
        counters = IngestCounters(metrics.registry)
        worker = Worker(
            settings.drone_id, capacity=settings.capacity, clients=clients, sources=sources, counters=counters
        )
        await metrics_server.start(settings.metrics_port or 0)
        working = asyncio.create_task(worker.run())
        await _signal_or(working)
        logger.info("draining")
        working.cancel()
        await asyncio.wait({working}, timeout=settings.drain_seconds)
        await metrics_server.stop()


async def _signal_or(working: asyncio.Task[None]) -> None:
    """Return at SIGTERM or SIGINT, or when the work ends, which only a bug can bring about."""
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    stopping = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        working.result()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, DroneSettings, sys.argv[1:]))
