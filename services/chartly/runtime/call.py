"""The call that is being served: what interceptors, servicer, clients and database share about it."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import grpc
from chartly.runtime.contracts import MethodContract
from google.protobuf.message import Message
from grpc import StatusCode

if TYPE_CHECKING:
    from chartly.api.audit.v1.audit_pb2 import Event
    from chartly.runtime.audit import LeafEvent
    from chartly.runtime.identity import Principal

T = TypeVar("T")
REQUEST_ID_KEY = "x-request-id"
_REQUEST_ID = re.compile(r"[!-~]{1,128}")


@dataclass(slots=True)
class Call:
    """One call while it is served.

    request: the request message; None if requests stream.
    requests: the request messages, if they stream.
    response: the answer, once there is one; None if answers stream.
    code: how it ended, once it has.
    deadline_seconds: what it may take: its caller's deadline or, without one, its method's.
    expiry: when it has to end, on the loop's clock.
    """

    contract: MethodContract
    wire: grpc.aio.ServicerContext[Any, Any]
    draining: asyncio.Event
    request: Message | None = None
    requests: AsyncIterator[Any] | None = None
    response: Message | None = None
    code: StatusCode = StatusCode.OK
    request_id: str = ""
    bearer: str = ""
    principal: Principal | None = None
    leaf_event: LeafEvent | None = None
    deadline_seconds: float = 0.0
    expiry: float = 0.0
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pairs = cast(Iterable[tuple[str, str | bytes]], self.wire.invocation_metadata() or ())
        self.metadata = {key: value for key, value in pairs if isinstance(value, str)}
        given = self.metadata.get(REQUEST_ID_KEY, "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else new_request_id()
        remaining = cast(float | None, self.wire.time_remaining())
        self.deadline_seconds = self.contract.deadline_seconds if remaining is None else remaining
        self.expiry = _monotonic() + self.deadline_seconds

    def time_remaining(self) -> float:
        """Return the seconds until the call has to end, at least 0."""
        return max(0.0, self.expiry - _monotonic())


#: The call that the running task serves; None in background work.
current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)


class Context:
    """What a servicer's method receives beside its request."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    @property
    def principal(self) -> Principal:
        """Who calls."""
        if self._call.principal is None:
            raise RuntimeError(f"{self._call.contract.path} is public, so its caller is not asked who it is")
        return self._call.principal

    @property
    def request_id(self) -> str:
        """Id of the request, the caller's own if it sent one."""
        return self._call.request_id

    @property
    def metadata(self) -> Mapping[str, str]:
        """The text metadata that came with the call, by lower-case key; the last of equal keys."""
        return self._call.metadata

    @property
    def draining(self) -> bool:
        """Whether the service is about to stop, so that a poll should answer with what it has."""
        return self._call.draining.is_set()

    def time_remaining(self) -> float:
        """Return the seconds until the call has to end, at least 0."""
        return self._call.time_remaining()

    async def wait(self, event: Awaitable[T], timeout_seconds: float) -> T | None:
        """Wait for something within a long poll; None if the time is up or the service is about to stop.

        The awaitable is cancelled when it is not waited for any more.
        """
        awaited: asyncio.Future[T] = asyncio.ensure_future(event)
        drain: asyncio.Future[Any] = asyncio.ensure_future(self._call.draining.wait())
        waited: set[asyncio.Future[Any]] = {awaited, drain}
        try:
            await asyncio.wait(waited, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
            return awaited.result() if awaited.done() else None
        finally:
            awaited.cancel()
            drain.cancel()

    def audit_resource(self, resource: str) -> None:
        """Name the resource of the call's ledger entry, where only the body knows it."""
        if self._call.leaf_event is not None:
            self._call.leaf_event.resource = resource

    def carry_audit_event(self) -> Event:
        """Take charge of the call's ledger entry: the body stores it with its effect, where that is no database's.

        If the call fails, the runtime writes the entry after all, with the same event id and the call's code.
        """
        if self._call.leaf_event is None:
            raise RuntimeError(f"{self._call.contract.path} leaves no entry in the ledger")
        return self._call.leaf_event.carry()


def new_request_id() -> str:
    """Return a request id for a call that came without one."""
    return uuid.uuid4().hex


def current_request_id() -> str:
    """Return the id of the request that the running task serves; empty in background work."""
    call = current_call.get()
    return call.request_id if call else ""


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
