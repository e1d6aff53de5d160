"""The RPCs of auth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chartly.api.auth.v1 import auth_pb2 as pb
from chartly.api.auth.v1 import auth_pb2_grpc
from chartly.auth import convert
from chartly.auth.errors import KeyNotFound
from chartly.auth.identities import Identities
from chartly.auth.keys import new_key
from chartly.auth.store import AuthStore
from chartly.runtime import Context
from chartly.runtime.errors import RequestIdReused
from chartly.runtime.keys import digest_of, generate_secret, key_id_of
from chartly.runtime.pages import page_size


class AuthServicer(auth_pb2_grpc.AuthServiceServicer):
    """Knows API keys and roles, and says who a caller is and what it may do."""

    def __init__(self, store: AuthStore, identities: Identities, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._identities = identities
        self._now = now

    async def CreateKey(self, request: pb.CreateKeyRequest, context: Context) -> pb.CreateKeyResponse:
        draft, tenant, secret = convert.draft_of(request), context.principal.tenant, generate_secret()
        async with self._store.transaction(tenant) as transaction:
            if earlier := await transaction.key_of_request(request.request_id):
                if not earlier.follows(draft):
                    raise RequestIdReused(request.request_id)
                return pb.CreateKeyResponse(key=convert.key_message(earlier))
            key = new_key(draft, key_id=key_id_of(secret), tenant=tenant, now=self._now())
            await transaction.add(key, digest=digest_of(secret), request_id=request.request_id)
        return pb.CreateKeyResponse(key=convert.key_message(key), secret=secret)

    async def ListKeys(self, request: pb.ListKeysRequest, context: Context) -> pb.ListKeysResponse:
        limit, after = page_size(request.page_size), convert.place_of(request.page_token)
        keys = await self._store.list_keys(context.principal.tenant, after=after, limit=limit + 1)
        return convert.keys_page(keys, limit)

    async def RevokeKey(self, request: pb.RevokeKeyRequest, context: Context) -> pb.RevokeKeyResponse:
        async with self._store.transaction(context.principal.tenant) as transaction:
            await transaction.revoke([request.key_id], self._now())
            if (key := await transaction.key(request.key_id)) is None:
                raise KeyNotFound(request.key_id)
        return pb.RevokeKeyResponse(key=convert.key_message(key))

    async def Introspect(self, request: pb.IntrospectRequest, context: Context) -> pb.IntrospectResponse:
        return convert.introspection(await self._identities(request.secret))
