"""`chartly serve gateway`."""

from __future__ import annotations

import sys

from chartly import runtime
from chartly.gateway.config import GatewaySettings
from chartly.gateway.events import Hub
from chartly.gateway.following import follow_drones, follow_reports, follow_runs
from chartly.gateway.health import Mesh
from chartly.gateway.servicer import GatewayServicer


def wire(
    settings: GatewaySettings, clients: runtime.Clients, *, identify: runtime.Identify | None = None
) -> runtime.Server:
    """Return a server with the gateway in it."""
    hub = Hub(settings.event_backlog)
    server = runtime.Server(settings, clients=clients, identify=identify)
    server.add(GatewayServicer(Mesh(settings), hub, comment_seconds=settings.comment_seconds))
    server.background("follow runs", lambda: follow_runs(clients, hub))
    server.background("follow drones", lambda: follow_drones(clients, hub))
    server.background("follow reports", lambda: follow_reports(clients, hub))
    return server


async def main(settings: GatewaySettings) -> None:
    """Serve until a signal."""
    clients = runtime.Clients(settings)
    await wire(settings, clients).serve_until_signal()
    await clients.close()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, GatewaySettings, sys.argv[1:]))
