"""Opens the source that a profile names, under the rules that the operator set for this drone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chartly.api.profile.v1 import profile_pb2
from chartly.drone.egress import AllowedHost, EgressPolicy
from chartly.drone.fetching import Fetcher
from chartly.drone.files import FileSource
from chartly.drone.paths import Roots
from chartly.drone.rest import RestSource
from chartly.drone.secrets import Secrets
from chartly.drone.source import Source, Watch

SECRETS_FILE = "secrets.yaml"


class Sources:
    """What this drone may read and fetch."""

    def __init__(self, *, file_roots: Sequence[Path], allow_hosts: Sequence[str], data_dir: Path) -> None:
        self._roots = Roots(file_roots, data_dir=data_dir)
        self._policy = EgressPolicy(AllowedHost.parse(text) for text in allow_hosts)
        self._secrets_path = data_dir / SECRETS_FILE

    def secrets(self, profile: profile_pb2.Profile) -> Secrets:
        """Return the declared secrets, for one run of a profile."""
        return Secrets(self._secrets_path, profile)

    @contextmanager
    def open(self, profile: profile_pb2.Profile, *, secrets: Secrets, watch: Watch) -> Iterator[Source]:
        """Open the source of a profile; what is under way when the block ends is cut off."""
        if profile.source.WhichOneof("kind") == "file":
            yield FileSource(profile, self._roots)
            return
        fetcher = Fetcher(self._policy)
        try:
            yield RestSource(profile, fetcher=fetcher, secrets=secrets, watch=watch)
        finally:
            fetcher.close()
