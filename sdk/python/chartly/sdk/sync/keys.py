# Made by `make gen` from aio/; edits are overwritten.
"""API keys, the ledger, and how the mesh is."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime

from chartly.api.audit.v1 import audit_pb2
from chartly.api.auth.v1 import auth_pb2
from chartly.api.gateway.v1 import gateway_pb2
from chartly.sdk.sync.connection import Connection


class Keys:
    """API keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self,
        name: str,
        roles: Iterable[str],
        *,
        expire_time: datetime | None = None,
        request_id: str = "",
        timeout: float | None = None,
    ) -> auth_pb2.CreateKeyResponse:
        """Create a key; the answer shows its secret, once."""
        request = auth_pb2.CreateKeyRequest(name=name, roles=roles, request_id=request_id or uuid.uuid4().hex)
        if expire_time is not None:
            request.expire_time.FromDatetime(expire_time)
        return self._connection.call(request, auth_pb2.CreateKeyResponse, timeout)

    def list(self, *, page_size: int = 0, timeout: float | None = None) -> Iterator[auth_pb2.Key]:
        """Iterate over keys, newest first, without their secrets."""
        request = auth_pb2.ListKeysRequest(page_size=page_size)
        return self._connection.pages(request, auth_pb2.ListKeysResponse, lambda page: page.keys, timeout)

    def revoke(self, key_id: str, *, timeout: float | None = None) -> auth_pb2.Key:
        """Revoke a key for good."""
        request = auth_pb2.RevokeKeyRequest(key_id=key_id)
        return self._connection.call(request, auth_pb2.RevokeKeyResponse, timeout).key


class Audit:
    """The ledger of what was done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        actor: str = "",
        action: str = "",
        resource: str = "",
        page_size: int = 0,
        timeout: float | None = None,
    ) -> Iterator[audit_pb2.Entry]:
        """Iterate over entries in the order of the log."""
        request = audit_pb2.ListEntriesRequest(actor=actor, action=action, resource=resource, page_size=page_size)
        return self._connection.pages(request, audit_pb2.ListEntriesResponse, lambda page: page.entries, timeout)

    def get(self, index: int, *, timeout: float | None = None) -> audit_pb2.Entry:
        """Return one entry, by its place in the log from 0."""
        request = audit_pb2.GetEntryRequest(index=index)
        return self._connection.call(request, audit_pb2.GetEntryResponse, timeout).entry


class Status:
    """How the mesh is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, *, timeout: float | None = None) -> gateway_pb2.GetStatusResponse:
        """Return how each of the nine services is."""
        return self._connection.call(gateway_pb2.GetStatusRequest(), gateway_pb2.GetStatusResponse, timeout)

    def health(self, *, timeout: float | None = None) -> gateway_pb2.GetHealthResponse:
        """Return `healthy`, or fail as Unavailable while a service does not serve."""
        return self._connection.call(gateway_pb2.GetHealthRequest(), gateway_pb2.GetHealthResponse, timeout)
