"""Previews that somebody waits for; kept in memory, since nobody waits for them after a restart."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.profile.v1 import profile_pb2
from chartly.runtime.errors import RemoteError
from grpc import StatusCode

_CODES = {code.value[0]: code for code in StatusCode}


@dataclass(eq=False, slots=True)
class Preview:
    """A profile to preview: `taken` once a drone has it, `outcome` once it has answered."""

    profile: profile_pb2.Profile
    expire_time: datetime
    preview_id: str = field(default_factory=lambda: f"p-{uuid4().hex}")
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: asyncio.Future[pb.CompletePreviewRequest] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Previews:
    """The previews that wait for a drone, first come first served, and those that a drone has."""

    def __init__(self) -> None:
        self._waiting: deque[Preview] = deque()
        self._known: dict[str, Preview] = {}

    def add(self, preview: Preview) -> None:
        """Put a preview in the line."""
        self._waiting.append(preview)
        self._known[preview.preview_id] = preview

    def take(self) -> Preview | None:
        """Return the first in the line, if there is one; nobody else gets it."""
        if not self._waiting:
            return None
        preview = self._waiting.popleft()
        preview.taken.set()
        return preview

    def complete(self, answer: pb.CompletePreviewRequest) -> None:
        """Hand an answer to who waits for it, if somebody still does."""
        preview = self._known.get(answer.preview_id)
        if preview is not None and not preview.outcome.done():
            preview.outcome.set_result(answer)

    def forget(self, preview: Preview) -> None:
        """Drop a preview that nobody waits for any more."""
        self._known.pop(preview.preview_id, None)
        if preview in self._waiting:
            self._waiting.remove(preview)


def result_of(answer: pb.CompletePreviewRequest) -> pb.PreviewProfileResponse:
    """Return what a drone found.

    Raises:
        RemoteError: what went wrong, as the drone says it.
    """
    if answer.WhichOneof("outcome") == "error":
        raise RemoteError(_CODES.get(answer.error.code, StatusCode.UNKNOWN), answer.error)
    return answer.result
