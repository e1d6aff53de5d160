"""Profiles as the registry has them: all followed, for their schedules, and one asked for, where it has to be the latest."""

from __future__ import annotations

import asyncio
import logging

import grpc
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.registry.v1 import registry_pb2, registry_pb2_grpc
from chartly.runtime import ChartlyError, Clients, error_of
from chartly.runtime.bell import Bell

logger = logging.getLogger(__name__)
RETRY_SECONDS = 0.5


class Profiles:
    """A copy of the registry's profiles that follows them, and a way to ask."""

    def __init__(self, clients: Clients, bell: Bell) -> None:
        self._registry = clients.stub(registry_pb2_grpc.RegistryServiceStub, as_service=True)
        self._bell = bell
        self._known: dict[str, registry_pb2.Revision] = {}

    def scheduled(self) -> list[registry_pb2.Revision]:
        """Return the latest revisions whose schedule starts runs, as far as they are known, by name."""
        known = (self._known[profile_id] for profile_id in sorted(self._known))
        return [revision for revision in known if revision.every and revision.enabled and not revision.deleted]

    async def follow(self) -> None:
        """Keep the copy true, for ever."""
        while True:
            try:
                async for answer in self._registry.WatchProfiles(registry_pb2.WatchProfilesRequest()):
                    self._known.update({revision.profile_id: revision for revision in answer.profiles})
                    self._bell.ring()
            except (grpc.aio.AioRpcError, ChartlyError) as error:
                logger.warning("the registry cannot be followed", extra={"problem": str(error)})
            await asyncio.sleep(RETRY_SECONDS)

    async def latest(self, profile_id: str) -> registry_pb2.Revision:
        """Return the latest revision of a profile.

        Raises:
            AioRpcError: PROFILE_NOT_FOUND, or the registry does not answer.
        """
        return (await self._registry.GetProfile(registry_pb2.GetProfileRequest(profile_id=profile_id))).revision

    async def find(self, profile_id: str) -> registry_pb2.Revision | None:
        """Return the latest revision of a profile, or None if there is no such profile.

        Raises:
            AioRpcError: the registry does not answer.
        """
        try:
            return await self.latest(profile_id)
        except grpc.aio.AioRpcError as error:
            if error_of(error).reason == ErrorReason.ERROR_REASON_PROFILE_NOT_FOUND:
                return None
            raise
