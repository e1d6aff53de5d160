# Made by `make gen` from aio/; edits are overwritten.
"""The client: a connection to a mesh and all that can be asked of it."""

from __future__ import annotations

from chartly.sdk.settings import Settings
from chartly.sdk.sync.connection import Connection
from chartly.sdk.sync.contracts import Contracts
from chartly.sdk.sync.datasets import Artifacts, Datasets
from chartly.sdk.sync.drones import Drones, WorkItems
from chartly.sdk.sync.keys import Audit, Keys, Status
from chartly.sdk.sync.profiles import Profiles
from chartly.sdk.sync.records import Quarantine, Records, Results
from chartly.sdk.sync.reports import Analytics, Reports
from chartly.sdk.sync.runs import Runs


class Chartly:
    """A client of a mesh: `with Chartly("http://localhost:8090", api_key="chk_…") as client`.

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

    def close(self) -> None:
        """Close the connection; calls that are under way are cancelled."""
        self._connection.close()

    def __enter__(self) -> Chartly:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()
