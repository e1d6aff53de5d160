"""`chartly serve coordinator`."""

from __future__ import annotations

import sys
from datetime import timedelta

from chartly import runtime
from chartly.coordinator.clockwork import Clockwork
from chartly.coordinator.config import CoordinatorSettings
from chartly.coordinator.gauges import QueueGauges
from chartly.coordinator.leasing import Leasing
from chartly.coordinator.previews import Previews
from chartly.coordinator.profiles import Profiles
from chartly.coordinator.servicer import CoordinatorServicer
from chartly.coordinator.store import CoordinatorStore
from chartly.runtime.bell import Bell


def wire(settings: CoordinatorSettings, store: CoordinatorStore, clients: runtime.Clients) -> runtime.Server:
    """Return a server with the coordinator and its background work in it."""
    bell, previews, now = Bell(), Previews(), runtime.utc_now
    profiles = Profiles(clients, bell)
    leasing = Leasing(
        store, profiles, previews, bell, lease_duration=timedelta(seconds=settings.lease_seconds), now=now
    )
    server = runtime.Server(settings, clients=clients, outbox=runtime.Outbox(store.database, clients))
    server.add(
        CoordinatorServicer(
            store, profiles, previews, leasing, bell, now=now, preview_wait_seconds=settings.preview_wait_seconds
        )
    )
    server.background("profiles", profiles.follow)
    server.background("gauges", QueueGauges(store, bell, server.metrics.registry, now=now).run)
    server.background("clockwork", Clockwork(store, profiles, bell, now=now).run)
    return server


async def main(settings: CoordinatorSettings) -> None:
    """Serve until a signal."""
    async with (
        CoordinatorStore.open(settings.database_url, tenant=settings.tenant) as store,
        runtime.Clients(settings) as clients,
    ):
        await wire(settings, store, clients).serve_until_signal()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, CoordinatorSettings, sys.argv[1:]))
