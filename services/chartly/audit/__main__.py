"""`chartly serve audit`."""

from __future__ import annotations

import sys

from chartly import runtime
from chartly.audit.config import AuditSettings
from chartly.audit.servicer import AuditServicer
from chartly.audit.store import AuditStore


def wire(settings: AuditSettings, store: AuditStore, clients: runtime.Clients) -> runtime.Server:
    """Return a server with audit in it."""
    server = runtime.Server(settings, clients=clients)
    server.add(AuditServicer(store))
    return server


async def main(settings: AuditSettings) -> None:
    """Serve until a signal."""
    async with AuditStore.open(settings.database_url) as store, runtime.Clients(settings) as clients:
        await wire(settings, store, clients).serve_until_signal()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, AuditSettings, sys.argv[1:]))
