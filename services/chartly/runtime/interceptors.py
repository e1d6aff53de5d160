"""What happens around each served call, from the outside in. Each interceptor has one purpose, for all four kinds of RPC."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

import grpc
import protovalidate
from chartly.runtime import boundary
from chartly.runtime.call import REQUEST_ID_KEY, Call, current_call
from chartly.runtime.errors import (
    STATUS_KEY,
    Bug,
    ChartlyError,
    DeadlineExceeded,
    FieldViolation,
    InvalidField,
    KeyMissing,
    PermissionMissing,
    RemoteError,
    ServiceUnavailable,
    Unauthenticated,
    error_of,
    status_of,
)
from chartly.runtime.identity import Identify
from chartly.runtime.settings import ServiceSettings
from chartly.runtime.telemetry import Metrics
from google.protobuf.message import Message
from grpc import StatusCode

logger = logging.getLogger(__name__)
Proceed = Callable[[], Awaitable[None]]
Interceptor = Callable[[Call, Proceed], Awaitable[None]]
_BEARER = "bearer "
# The service has retried its sibling already; if its caller did so too, and the caller's caller, the retries would multiply.
_DO_NOT_RETRY = ("grpc-retry-pushback-ms", "-1")


def chain(interceptors: Sequence[Interceptor], call: Call, body: Proceed) -> Proceed:
    """Return what serves a call: each interceptor around the next, the body innermost."""
    proceed = body
    for interceptor in reversed(interceptors):
        proceed = partial(interceptor, call, proceed)
    return proceed


def logged(metrics: Metrics) -> Interceptor:
    """Answer the request id, and log and count the call with its outcome and duration."""

    async def interceptor(call: Call, proceed: Proceed) -> None:
        current_call.set(call)
        call.wire.set_trailing_metadata(((REQUEST_ID_KEY, call.request_id),))
        boundary.reached("rpc_server", call.contract.path, "before")
        began = time.perf_counter()
        try:
            await proceed()
        except asyncio.CancelledError:
            call.code = StatusCode.CANCELLED
            raise
        finally:
            seconds = time.perf_counter() - began
            metrics.calls.labels(call.contract.path, call.code.name).inc()
            metrics.latency.labels(call.contract.path).observe(seconds)
            _log(call, seconds)
            boundary.reached("rpc_server", call.contract.path, "after")

    return interceptor


async def answered(call: Call, proceed: Proceed) -> None:
    """Turn whatever goes wrong into a status: errors of Chartly's and of siblings as they are, all others into a Bug."""
    try:
        await proceed()
    except (asyncio.CancelledError, grpc.aio.AbortError):
        raise
    except Exception as problem:
        error = as_error(problem, call)
        if isinstance(error, Bug):
            logger.exception("a bug")
        call.code, status = error.code, status_of(error)
        siblings = error.code is StatusCode.UNAVAILABLE and isinstance(error, ServiceUnavailable | RemoteError)
        about_retries = (_DO_NOT_RETRY,) if siblings else ()
        own = ((REQUEST_ID_KEY, call.request_id), (STATUS_KEY, status.SerializeToString()))
        await call.wire.abort(error.code, status.message, (*own, *about_retries))


async def bounded(call: Call, proceed: Proceed) -> None:
    """End the call when its time is up: its caller's deadline or, without one, its method's."""
    try:
        async with asyncio.timeout_at(call.expiry) as timeout:
            await proceed()
    except TimeoutError:
        if timeout.expired():
            raise DeadlineExceeded(round(call.deadline_seconds, 1)) from None
        raise


def identified(identify: Identify, settings: ServiceSettings) -> Interceptor:
    """Find out who calls; public methods do not ask."""

    async def interceptor(call: Call, proceed: Proceed) -> None:
        if not call.contract.public:
            call.bearer = _bearer(call)
            if not call.bearer and not settings.allow_anonymous:
                raise KeyMissing
            call.principal = await identify(call.bearer)
        await proceed()

    return interceptor


async def permitted(call: Call, proceed: Proceed) -> None:
    """Refuse a caller whose roles lack the method's permission."""
    permission = call.contract.permission
    if permission and (call.principal is None or permission not in call.principal.permissions):
        raise PermissionMissing(permission, principal=call.principal.name if call.principal else "nobody")
    await proceed()


async def validated(call: Call, proceed: Proceed) -> None:
    """Refuse a request that breaks a rule of its contract; of a stream, each message when it comes."""
    if call.request is not None:
        validate(call.request)
    if call.requests is not None:
        call.requests = _each_valid(call.requests, call)
    await proceed()


def validate(message: Message) -> None:
    """Check a message against the rules of its contract.

    Raises:
        InvalidField: with every rule that it breaks.
    """
    violations = protovalidate.collect_violations(message)
    if violations:
        raise InvalidField([_violation(found.proto) for found in violations])


async def _each_valid(requests: AsyncIterator[Message], call: Call) -> AsyncIterator[Message]:
    async for request in requests:
        validate(request)
        yield request
    if not call.contract.server_streaming:
        # gRPC ends the requests of a call that was cut as if they were complete. Only a caller who is still there can be
        # answered, so this raises CancelledError for all others.
        await call.wire.send_initial_metadata(())


def code_of(problem: BaseException, call: Call) -> StatusCode:
    """Return the code with which a call ends that a problem ended."""
    if isinstance(problem, asyncio.CancelledError):
        return StatusCode.CANCELLED
    return as_error(problem, call).code


def as_error(problem: BaseException, call: Call) -> ChartlyError:
    """Return what the caller of a call receives for a problem."""
    if isinstance(problem, ChartlyError):
        return problem
    if isinstance(problem, grpc.aio.AioRpcError):
        return error_of(problem)
    return Bug(call.request_id)


def _violation(found: protovalidate.ViolationPb) -> FieldViolation:
    path = ".".join(_step(element) for element in found.field.elements) if found.field else ""
    return FieldViolation(path, found.message, found.rule_id)


def _step(element: protovalidate.FieldPathElementPb) -> str:
    if element.subscript is None:
        return element.field_name
    return f"{element.field_name}[{json.dumps(element.subscript.value, ensure_ascii=False)}]"


def _bearer(call: Call) -> str:
    header = call.metadata.get("authorization", "")
    if not header:
        return ""
    if not header.lower().startswith(_BEARER):
        raise Unauthenticated("authorization is not of the form `Bearer chk_…`")
    return header[len(_BEARER) :].strip()


def _log(call: Call, seconds: float) -> None:
    level = logging.ERROR if call.code is StatusCode.INTERNAL else logging.INFO
    caller = call.principal.name if call.principal else ""
    fields = {"method": call.contract.path, "code": call.code.name, "seconds": round(seconds, 6), "caller": caller}
    logger.log(level, "call", extra=fields)
