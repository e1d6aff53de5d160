"""`chartly serve auth`."""

from __future__ import annotations

import sys

from chartly import runtime
from chartly.auth import bootstrap
from chartly.auth.config import AuthSettings
from chartly.auth.identities import Identities
from chartly.auth.permissions import declared_permissions
from chartly.auth.roles import Roles
from chartly.auth.servicer import AuthServicer
from chartly.auth.store import AuthStore


async def wire(settings: AuthSettings, store: AuthStore, clients: runtime.Clients) -> runtime.Server:
    """Return a server with auth in it, which admits the keys of the data folder."""
    found = bootstrap.keys_in(settings.data_dir)
    await bootstrap.admit(found, store, tenant=settings.tenant, now=runtime.utc_now())
    identities = Identities(store, Roles(declared_permissions()), settings, now=runtime.utc_now)
    outbox = runtime.Outbox(store.database, clients)
    server = runtime.Server(settings, clients=clients, outbox=outbox, identify=identities)
    server.add(AuthServicer(store, identities, now=runtime.utc_now))
    return server


async def main(settings: AuthSettings) -> None:
    """Serve until a signal."""
    async with AuthStore.open(settings.database_url) as store, runtime.Clients(settings) as clients:
        server = await wire(settings, store, clients)
        await server.serve_until_signal()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, AuthSettings, sys.argv[1:]))
