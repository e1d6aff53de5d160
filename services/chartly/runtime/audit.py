"""The ledger entry of a call: exactly one for each call of a method with audit level LEAF, however the call ends."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from operator import attrgetter
from typing import Any, Literal

from chartly.api.audit.v1.audit_pb2 import Event
from chartly.runtime.call import Call
from chartly.runtime.clock import utc_now
from chartly.runtime.interceptors import Interceptor, Proceed, code_of
from chartly.runtime.tasks import settled
from google.protobuf.message import Message
from grpc import StatusCode

Store = Callable[[], Coroutine[Any, Any, None]]
logger = logging.getLogger(__name__)
_FIELD = re.compile(r"\{([a-z0-9_.]+)\}")
_MAX_RESOURCE_CHARACTERS = 1000


class LeafEvent:
    """A call's entry until it is stored: by the first transaction that commits in the call, or by the body that carries it."""

    def __init__(self, call: Call, tenant: str) -> None:
        self._call = call
        self._tenant = tenant
        self._event_id = str(uuid.uuid4())
        self._time = utc_now()
        self._outcome = StatusCode.OK
        self._state: Literal["open", "claimed", "carried", "stored"] = "open"
        self._first_request = call.request
        self.resource = ""

    @property
    def open(self) -> bool:
        """Whether nobody has stored the entry or taken charge of it."""
        return self._state == "open"

    def claim(self) -> Event | None:
        """Return the entry for a transaction to store; None if that is done or another's."""
        if not self.open:
            return None
        self._state = "claimed"
        return self._event()

    def release(self, *, stored: bool) -> None:
        """Say whether the transaction that claimed the entry has stored it."""
        self._state = "stored" if stored else "open"

    def carry(self) -> Event:
        """Return the entry for the body to store with its effect."""
        if not self.open:
            raise RuntimeError("a transaction of this call has stored its ledger entry already")
        self._state = "carried"
        return self._event()

    def fail(self, outcome: StatusCode) -> None:
        """Say how the call failed; an entry that the body carried is open again, under the same event id."""
        self._outcome = outcome
        if self._state == "carried":
            self._state = "open"

    async def first_of(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass on streamed requests and remember the first, whose fields name the resource."""
        async for request in requests:
            self._first_request = self._first_request or request
            yield request

    def _event(self) -> Event:
        principal, request = self._call.principal, self._call.request
        event = Event(
            event_id=self._event_id,
            tenant=principal.tenant if principal else self._tenant,
            actor=principal.name if principal else "unidentified",
            action=self._call.contract.action,
            resource=(self.resource or self._resource())[:_MAX_RESOURCE_CHARACTERS],
            request_id=self._call.request_id,
            outcome=self._outcome.name,
            request_digest=_digest(request) if request is not None else "",
        )
        event.time.FromDatetime(self._time)
        return event

    def _resource(self) -> str:
        request, template = self._first_request, self._call.contract.resource
        return _FIELD.sub(lambda name: str(attrgetter(name[1])(request)) if request else "", template)


def audited(tenant: str, store: Store) -> Interceptor:
    """Leave one entry for each call of a LEAF method.

    Args:
        tenant: of callers that nobody could identify.
        store: runs a transaction of its own, which stores the entry of the current call if it is open.
    """

    async def interceptor(call: Call, proceed: Proceed) -> None:
        if not call.contract.leaf:
            await proceed()
            return
        event = call.leaf_event = LeafEvent(call, tenant)
        if call.requests is not None:
            call.requests = event.first_of(call.requests)
        try:
            await proceed()
            if event.open:
                await store()
        except BaseException as problem:
            event.fail(code_of(problem, call))
            if event.open:
                await _store_failed(store)
            raise

    return interceptor


async def _store_failed(store: Store) -> None:
    try:
        await settled(asyncio.create_task(store()))
    except Exception:
        logger.exception("a failed call left no entry in the ledger")


def _digest(request: Message) -> str:
    return "sha256:" + hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
