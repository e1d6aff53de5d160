"""`python -m chartly.reporter`."""

from __future__ import annotations

import sys

from chartly import runtime
from chartly.reporter.config import ReporterSettings
from chartly.reporter.feed import Feed
from chartly.reporter.making import Maker
from chartly.reporter.servicer import ReporterServicer
from chartly.reporter.store import ReporterStore


def wire(settings: ReporterSettings, store: ReporterStore, clients: runtime.Clients) -> runtime.Server:
    """Return a server with the reporter in it, which also makes results."""
    feed = Feed()
    maker = Maker(store, clients, feed, now=runtime.utc_now)
    server = runtime.Server(settings, clients=clients, outbox=runtime.Outbox(store.database, clients))
    server.add(ReporterServicer(store, maker, feed, now=runtime.utc_now))
    server.background("making", maker.run)
    return server


async def main(settings: ReporterSettings) -> None:
    """Serve until a signal."""
    clients = runtime.Clients(settings)
    async with ReporterStore.open(settings.database_url) as store:
        await wire(settings, store, clients).serve_until_signal()
        await clients.close()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, ReporterSettings, sys.argv[1:]))
