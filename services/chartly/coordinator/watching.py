"""The changes of work and drones, as they happen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.coordinator import convert
from chartly.coordinator.store import CoordinatorStore, Drone
from chartly.runtime import Context
from chartly.runtime.bell import Bell

BATCH_SIZE = 500
LONGEST_WAIT_SECONDS = 3600.0


async def changes(
    store: CoordinatorStore, bell: Bell, context: Context, after_sequence: int, *, now: Callable[[], datetime]
) -> AsyncIterator[pb.WatchWorkResponse]:
    """Yield work that changed after a sequence number and drones that come and go, until the service drains.

    The first answer comes at once, so that the caller knows that the watch stands.
    """
    known: dict[str, tuple[str, bool]] | None = None
    while not context.draining:
        rung = bell.listen()
        async with store.read() as snapshot:
            work = await snapshot.changes(after_sequence, limit=BATCH_SIZE)
            drones = await snapshot.drones()
            held = await snapshot.held()
        found = {drone.drone_id: _appearance(drone, now()) for drone in drones}
        changed = (
            [] if known is None else [drone for drone in drones if known.get(drone.drone_id) != found[drone.drone_id]]
        )
        if work or changed or known is None:
            yield pb.WatchWorkResponse(
                work=[convert.work_to_proto(item) for item in work],
                drones=[
                    convert.drone_to_proto(
                        drone, leased_work=sum(item.drone_id == drone.drone_id for item in held), now=now()
                    )
                    for drone in changed
                ],
            )
        known = found
        after_sequence = work[-1].sequence if work else after_sequence
        if len(work) < BATCH_SIZE:
            await context.wait(rung.wait(), LONGEST_WAIT_SECONDS)


def _appearance(drone: Drone, now: datetime) -> tuple[str, bool]:
    return drone.instance_id, convert.is_live(drone, now)
