"""`chartly serve aggregator`."""

import sys
from pathlib import Path

from chartly import runtime
from chartly.aggregator.config import AggregatorSettings
from chartly.aggregator.following import Following
from chartly.aggregator.intake import Intake
from chartly.aggregator.servicer import AggregatorServicer
from chartly.aggregator.store import AggregatorStore

MIGRATIONS = Path(__file__).parent / "migrations"


def wire(settings: AggregatorSettings, database: runtime.Database, clients: runtime.Clients) -> runtime.Server:
    """Return a server with the aggregator and its background tasks in it."""
    store = AggregatorStore(database, settings.tenant)
    following = Following(store, clients)
    intake = Intake(clients, settings.tenant)
    server = runtime.Server(settings, clients=clients, outbox=runtime.Outbox(database, clients))
    server.add(AggregatorServicer(settings, store, following, intake, clients))
    server.background("commits", following.follow_commits)
    server.background("work", following.follow_work)
    return server


async def main(settings: AggregatorSettings) -> None:
    """Serve until a signal."""
    async with (
        runtime.Database.open(settings.database_url, migrations=MIGRATIONS) as database,
        runtime.Clients(settings) as clients,
    ):
        await wire(settings, database, clients).serve_until_signal()


if __name__ == "__main__":
    sys.exit(runtime.run_with_flags(main, AggregatorSettings, sys.argv[1:]))
