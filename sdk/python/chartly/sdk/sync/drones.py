# Made by `make gen` from aio/; edits are overwritten.
"""Drones and the work queue."""

from __future__ import annotations

from collections.abc import Iterator

from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.sdk.sync.connection import Connection


class Drones:
    """The processes that fetch and map."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, page_size: int = 0, timeout: float | None = None) -> Iterator[pb.Drone]:
        """Iterate over drones by name."""
        request = pb.ListDronesRequest(page_size=page_size)
        return self._connection.pages(request, pb.ListDronesResponse, lambda page: page.drones, timeout)

    def get(self, drone_id: str, *, timeout: float | None = None) -> pb.Drone:
        """Return one drone."""
        request = pb.GetDroneRequest(drone_id=drone_id)
        return self._connection.call(request, pb.GetDroneResponse, timeout).drone

    def stats(self, *, timeout: float | None = None) -> pb.GetDroneStatsResponse:
        """Return counts of drones and work by state."""
        return self._connection.call(pb.GetDroneStatsRequest(), pb.GetDroneStatsResponse, timeout)

    def work(self, drone_id: str, *, page_size: int = 0, timeout: float | None = None) -> Iterator[pb.Work]:
        """Iterate over the work that a drone holds or has held, newest first."""
        request = pb.ListDroneWorkRequest(drone_id=drone_id, page_size=page_size)
        return self._connection.pages(request, pb.ListDroneWorkResponse, lambda page: page.work, timeout)


class WorkItems:
    """The work queue."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        profile_id: str = "",
        state: pb.WorkState.ValueType = pb.WORK_STATE_UNSPECIFIED,
        page_size: int = 0,
        timeout: float | None = None,
    ) -> Iterator[pb.Work]:
        """Iterate over work items, newest first."""
        request = pb.ListWorkRequest(profile_id=profile_id, state=state, page_size=page_size)
        return self._connection.pages(request, pb.ListWorkResponse, lambda page: page.work, timeout)

    def get(self, work_id: str, *, timeout: float | None = None) -> pb.Work:
        """Return one work item."""
        return self._connection.call(pb.GetWorkRequest(work_id=work_id), pb.GetWorkResponse, timeout).work

    def cancel(self, work_id: str, *, timeout: float | None = None) -> pb.Work:
        """Cancel a work item."""
        return self._connection.call(pb.CancelWorkRequest(work_id=work_id), pb.CancelWorkResponse, timeout).work

    def redrive(self, work_id: str, *, timeout: float | None = None) -> pb.Work:
        """Queue dead or cancelled work again."""
        request = pb.RedriveWorkRequest(work_id=work_id)
        return self._connection.call(request, pb.RedriveWorkResponse, timeout).work
