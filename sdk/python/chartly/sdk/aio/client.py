"""The client: a connection to a mesh and all that can be asked of it."""

from __future__ import annotations

from chartly.sdk.aio.connection import Connection
from chartly.sdk.aio.contracts import Contracts
from chartly.sdk.aio.datasets import Artifacts, Datasets
from chartly.sdk.aio.drones import Drones, WorkItems
from chartly.sdk.aio.keys import Audit, Keys, Status
from chartly.sdk.aio.profiles import Profiles
from chartly.sdk.aio.records import Quarantine, Records, Results
from chartly.sdk.aio.reports import Analytics, Reports
from chartly.sdk.aio.runs import Runs
from chartly.sdk.settings import Settings


class AsyncChartly:
    """A client of a mesh: `async with AsyncChartly("http://localhost:8090", api_key="chk_…") as client`.

    Args:
        url: where the mesh answers; default: CHARTLY_URL, else http://localhost:8090.
        api_key: secret of a key, `""` to call without one; default: CHARTLY_API_KEY.
        token: bearer token, instead of an API key.
        timeout: seconds that each call may take; default: what the contract says of its method.

    Raises:
        ValueError: the URL is none of a mesh, there are a key and a token, or one that no call can carry.

    Methods fail with a `ChartlyError`. Those that are safe to repeat are tried up to five times while nobody answers.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        token: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self._connection = connection = Connection(Settings.of(url, api_key, token, timeout))
        self.profiles = Profiles(connection)
        self.contracts = Contracts(connection)
        self.runs = Runs(connection)
        self.results = Results(connection)
        self.records = Records(connection)
        self.quarantine = Quarantine(connection)
        self.datasets = Datasets(connection)
        self.artifacts = Artifacts(connection)
        self.reports = Reports(connection)
        self.analytics = Analytics(connection)
        self.drones = Drones(connection)
        self.work = WorkItems(connection)
        self.keys = Keys(connection)
        self.audit = Audit(connection)
        self.status = Status(connection)

    async def close(self) -> None:
        """Close the connection; calls that are under way are cancelled."""
        await self._connection.close()

    async def __aenter__(self) -> AsyncChartly:
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self.close()
