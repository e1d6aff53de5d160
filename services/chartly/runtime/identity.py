"""Who calls: from a bearer key to a principal, by asking auth."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import grpc
from chartly.api.auth.v1 import auth_pb2, auth_pb2_grpc
from chartly.runtime.errors import ChartlyError, ServiceUnavailable, Unauthenticated, error_of

if TYPE_CHECKING:
    from chartly.runtime.clients import Clients

logger = logging.getLogger(__name__)
KEPT_SECONDS = 10.0
KEPT_ANSWERS = 4096
_REFUSALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls and what it may do.

    key_id: name of its key; empty for an anonymous caller.
    name: for logs and the ledger, as in `key/ci-loader` or `anonymous`.
    permissions: every permission that its roles give.
    """

    key_id: str
    name: str
    tenant: str
    roles: frozenset[str]
    permissions: frozenset[str]

    @property
    def anonymous(self) -> bool:
        """Whether the caller sent no key."""
        return not self.key_id


#: Turns a bearer's key, empty for an anonymous caller, into a principal; raises Unauthenticated for a key that is not valid.
Identify = Callable[[str], Awaitable[Principal]]


class AuthIdentities:
    """Principals as auth knows them; each answer, a refusal too, is kept for 10 seconds and asked for once."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._answers: dict[str, _Answer] = {}

    async def __call__(self, secret: str) -> Principal:
        """Return the principal of a key.

        Raises:
            Unauthenticated: the key is unknown, revoked or expired.
            ServiceUnavailable: auth does not answer; the next caller asks again.
        """
        answer = self._answers.get(secret)
        if answer is None or answer.expiry <= _now():
            answer = self._begin(secret)
        principal = await asyncio.shield(answer.task)
        if isinstance(principal, Principal):
            return principal
        if isinstance(principal, ServiceUnavailable) and self._answers.get(secret) is answer:
            del self._answers[secret]
        raise principal

    def _begin(self, secret: str) -> _Answer:
        self._answers.pop(secret, None)
        if len(self._answers) >= KEPT_ANSWERS:
            del self._answers[next(iter(self._answers))]
        # In a context of its own: the answer is for everyone who waits, so no single caller's deadline may cut it.
        task = asyncio.create_task(self._ask(secret), context=contextvars.Context())
        answer = self._answers[secret] = _Answer(_now() + KEPT_SECONDS, task)
        return answer

    async def _ask(self, secret: str) -> Principal | ChartlyError:
        auth = self._clients.stub(auth_pb2_grpc.AuthServiceStub, as_service=True)
        try:
            return principal_of(await auth.Introspect(auth_pb2.IntrospectRequest(secret=secret)))
        except ChartlyError as error:
            return error
        except grpc.aio.AioRpcError as error:
            if error.code() in _REFUSALS:
                return Unauthenticated("the key is unknown, revoked or expired; use another")
            logger.warning("auth cannot say who calls", extra={"problem": str(error_of(error))})
            return ServiceUnavailable("auth")


class _Answer(NamedTuple):
    expiry: float
    task: asyncio.Task[Principal | ChartlyError]


def principal_of(answer: auth_pb2.IntrospectResponse) -> Principal:
    """Return the principal that an answer of auth describes."""
    return Principal(
        key_id=answer.key_id,
        name=answer.principal,
        tenant=answer.tenant,
        roles=frozenset(answer.roles),
        permissions=frozenset(answer.permissions),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
