"""The changes of profiles, as they happen."""

from __future__ import annotations

from collections.abc import AsyncIterator

from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.registry import convert
from chartly.registry.store import RegistryStore
from chartly.runtime.bell import Bell

# A profile may have a megabyte, and an answer sixteen.
BATCH = 8


async def changes(store: RegistryStore, bell: Bell, tenant: str) -> AsyncIterator[pb.WatchProfilesResponse]:
    """Yield every profile as it is now, deleted ones too, then each that changes; a profile that changes twice may come once.

    The bell rings after each change.
    """
    sequence, complete = 0, False
    while True:
        rung = bell.listen()
        found = await store.changes(tenant, after=sequence, limit=BATCH)
        all_seen = len(found) < BATCH
        if found or not complete:
            profiles = [convert.revision_message(changed.revision) for changed in found]
            yield pb.WatchProfilesResponse(profiles=profiles, complete=all_seen and not complete)
        complete = complete or all_seen
        sequence = found[-1].sequence if found else sequence
        if all_seen:
            await rung.wait()
