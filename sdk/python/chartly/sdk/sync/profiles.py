# Made by `make gen` from aio/; edits are overwritten.
"""Profiles and their revisions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from chartly.api.coordinator.v1 import coordinator_pb2
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.sdk.documents import Document, body_of
from chartly.sdk.sync.connection import Connection
from google.api.httpbody_pb2 import HttpBody


class Profiles:
    """Profiles: what is read, and what records have to look like."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self,
        document: Document,
        *,
        media_type: str | None = None,
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.Revision:
        """Create a profile and return its first revision."""
        request = pb.CreateProfileRequest(body=body_of(document, media_type), request_id=request_id or uuid.uuid4().hex)
        return self._connection.call(request, pb.CreateProfileResponse, timeout).revision

    def update(
        self,
        profile_id: str,
        document: Document,
        *,
        media_type: str | None = None,
        base_revision: int = 0,
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.Revision:
        """Add a revision. With `base_revision`, only if that is still the latest."""
        request = pb.UpdateProfileRequest(
            profile_id=profile_id,
            body=body_of(document, media_type),
            base_revision=base_revision,
            request_id=request_id or uuid.uuid4().hex,
        )
        return self._connection.call(request, pb.UpdateProfileResponse, timeout).revision

    def get(self, profile_id: str, *, timeout: float | None = None) -> pb.Revision:
        """Return the latest revision."""
        request = pb.GetProfileRequest(profile_id=profile_id)
        return self._connection.call(request, pb.GetProfileResponse, timeout).revision

    def list(self, *, page_size: int = 0, timeout: float | None = None) -> Iterator[pb.Revision]:
        """Iterate over the profiles by name, each as its latest revision without the document."""
        request = pb.ListProfilesRequest(page_size=page_size)
        return self._connection.pages(request, pb.ListProfilesResponse, lambda page: page.profiles, timeout)

    def delete(self, profile_id: str, *, timeout: float | None = None) -> None:
        """Delete a profile; its revisions and its dataset stay."""
        self._connection.call(pb.DeleteProfileRequest(profile_id=profile_id), pb.DeleteProfileResponse, timeout)

    def revisions(self, profile_id: str, *, page_size: int = 0, timeout: float | None = None) -> Iterator[pb.Revision]:
        """Iterate over the revisions, newest first, without their documents."""
        request = pb.ListRevisionsRequest(profile_id=profile_id, page_size=page_size)
        return self._connection.pages(request, pb.ListRevisionsResponse, lambda page: page.revisions, timeout)

    def revision(self, profile_id: str, version: str, *, timeout: float | None = None) -> pb.Revision:
        """Return one revision, by its version or its number."""
        request = pb.GetRevisionRequest(profile_id=profile_id, version=version)
        return self._connection.call(request, pb.GetRevisionResponse, timeout).revision

    def validate(
        self, document: Document, *, media_type: str | None = None, timeout: float | None = None
    ) -> pb.ValidateProfileResponse:
        """Return all that is wrong with a profile, and what would change if it were saved."""
        request = pb.ValidateProfileRequest(body=body_of(document, media_type))
        return self._connection.call(request, pb.ValidateProfileResponse, timeout)

    def preview(
        self, document: Document, *, media_type: str | None = None, timeout: float | None = None
    ) -> coordinator_pb2.PreviewProfileResponse:
        """Have a drone fetch and map one page of a profile, saved or not. Leaves nothing behind."""
        request = coordinator_pb2.PreviewProfileRequest(body=body_of(document, media_type))
        return self._connection.call(request, coordinator_pb2.PreviewProfileResponse, timeout)

    def contract(self, profile_id: str, *, format: str = "", timeout: float | None = None) -> HttpBody:
        """Return the contract that the records meet, as `json_schema`, `odcs`, `avro` or `proto`."""
        request = pb.GetOutputContractRequest(profile_id=profile_id, format=format)
        return self._connection.call(request, HttpBody, timeout)
