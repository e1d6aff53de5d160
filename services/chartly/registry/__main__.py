"""`chartly serve registry`."""

from __future__ import annotations

import sys

from chartly import runtime
from chartly.registry.config import RegistrySettings
from chartly.registry.servicer import RegistryServicer
from chartly.registry.store import RegistryStore


def wire(settings: RegistrySettings, store: RegistryStore, clients: runtime.Clients) -> runtime.Server:
    """Return a server with the registry in it."""
    server = runtime.Server(settings, clients=clients, outbox=runtime.Outbox(store.database, clients))
    server.add(RegistryServicer(store, now=runtime.utc_now))
    return server


async def main(settings: RegistrySettings) -> None:
    """Serve until a signal."""
    async with RegistryStore.open(settings.database_url) as store, runtime.Clients(settings) as clients:
        await wire(settings, store, clients).serve_until_signal()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, RegistrySettings, sys.argv[1:]))
