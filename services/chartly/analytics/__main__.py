"""`python -m chartly.analytics`."""

from __future__ import annotations

import sys

from chartly import runtime
from chartly.analytics.config import AnalyticsSettings
from chartly.analytics.servicer import AnalyticsServicer
from chartly.analytics.worker import Worker


def wire(settings: AnalyticsSettings, clients: runtime.Clients) -> runtime.Server:
    """Return a server with analytics in it."""
    worker = Worker(concurrent_queries=settings.concurrent_queries, query_memory_mib=settings.query_memory_mib)
    server = runtime.Server(settings, clients=clients)
    server.add(AnalyticsServicer(clients, worker))
    return server


async def main(settings: AnalyticsSettings) -> None:
    """Serve until a signal."""
    clients = runtime.Clients(settings)
    await wire(settings, clients).serve_until_signal()
    await clients.close()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, AnalyticsSettings, sys.argv[1:]))
