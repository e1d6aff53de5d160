"""What callers receive when something goes wrong."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from chartly import runtime
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from grpc_status import _async as rpc_status


class ThingNotFound(runtime.ChartlyError):
    """There is no such thing."""

    code = StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_WORK_NOT_FOUND

    def __init__(self, name: str) -> None:
        super().__init__(f"no thing {name}; list them", retry_after_seconds=1.5, thing=name, size_bytes=7)


async def not_found(request: Any, context: runtime.Context) -> Any:
    raise ThingNotFound(request.name)


async def status_of_call(call: Any) -> status_pb2.Status:
    with pytest.raises(grpc.aio.AioRpcError):
        await call
    status = await rpc_status.from_call(call)
    assert isinstance(status, status_pb2.Status)
    return status


async def test_an_error_travels_as_a_status_with_reason_and_metadata(start: Any) -> None:
    probe = await start(Read=not_found)
    call = probe.stub().Read(probe.contract.thing("x"))
    status = await status_of_call(call)
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert [detail.Unpack(message) for detail, message in zip(status.details, (info, retry), strict=True)] == [
        True,
        True,
    ]
    assert (status.code, status.message) == (StatusCode.NOT_FOUND.value[0], "no thing x; list them")
    assert (await call.code(), await call.details()) == (StatusCode.NOT_FOUND, "no thing x; list them")
    assert (info.reason, info.domain) == ("ERROR_REASON_WORK_NOT_FOUND", "chartly.dev")
    assert dict(info.metadata) == {"thing": "x", "size_bytes": "7"}
    assert retry.retry_delay.ToTimedelta().total_seconds() == 1.5


async def test_a_client_reads_the_error_back(start: Any) -> None:
    probe = await start(Read=not_found)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await probe.stub().Read(probe.contract.thing("x"))
    error = runtime.error_of(caught.value)
    assert (error.code, error.reason) == (StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_WORK_NOT_FOUND)
    assert (error.metadata, error.retry_after_seconds) == ({"thing": "x", "size_bytes": "7"}, 1.5)


async def test_a_stream_that_fails_ends_with_the_same_status(start: Any) -> None:
    async def fails_after_one(request: Any, context: runtime.Context) -> AsyncIterator[Any]:
        yield request
        raise ThingNotFound(request.name)

    probe = await start(List=fails_after_one)
    call = probe.stub().List(probe.contract.thing("x"))
    assert (await call.read()).name == "x"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert runtime.error_of(caught.value).metadata["thing"] == "x"


async def test_a_bug_shows_its_request_id_and_logs_its_stack(start: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def divides(request: Any, context: runtime.Context) -> Any:
        return 1 / (len(request.numbers) - len(request.numbers))

    probe = await start(Read=divides)
    call = probe.stub().Read(probe.contract.thing(), metadata=[("x-request-id", "load-7")])
    with caplog.at_level(logging.ERROR):
        status = await status_of_call(call)
    assert status.message == "a bug of Chartly's; its log names request load-7"
    assert "division" not in str(status)
    stack = next(record for record in caplog.records if record.exc_info)
    assert stack.exc_info is not None
    assert stack.exc_info[0] is ZeroDivisionError


async def test_a_siblings_error_is_relayed_as_it_is(start: Any) -> None:
    inner = await start(Read=not_found)

    async def asks_inner(request: Any, context: runtime.Context) -> Any:
        return await inner.stub().Read(request)

    outer = await start(Read=asks_inner)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await outer.stub().Read(outer.contract.thing("x"))
    error = runtime.error_of(caught.value)
    assert (error.code, error.metadata["thing"]) == (StatusCode.NOT_FOUND, "x")


async def test_a_sibling_that_is_away_is_unavailable(start: Any) -> None:
    probe = await start()
    away = probe.settings.model_copy(update={"probe_url": "127.0.0.1:1"})
    async with runtime.Clients(away) as clients:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await clients.stub(probe.contract.grpc.ProbeServiceStub).Write(probe.contract.thing())
    error = runtime.error_of(caught.value, service="probe")
    assert (error.code, error.metadata) == (StatusCode.UNAVAILABLE, {"service": "probe"})
    assert error.reason == ErrorReason.ERROR_REASON_SERVICE_UNAVAILABLE


async def test_thousands_of_violations_fit_the_trailers_of_any_client(start: Any) -> None:
    probe = await start()
    async with grpc.aio.insecure_channel(probe.settings.probe_url) as channel:
        call = probe.contract.grpc.ProbeServiceStub(channel).Read(probe.contract.thing("ü" * 21, *[-1] * 3000))
        status = await status_of_call(call)
    info, problems = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(problems)
    assert info.metadata["violations"] == "3001"
    assert len(problems.field_violations) + int(info.metadata["omitted_violations"]) == 3001
    assert problems.field_violations[0].field == "name"
    assert problems.field_violations[2].field == "numbers[1]"
    assert status.ByteSize() <= 4400


async def test_an_unimplemented_method_is_told_by_grpc_itself(start: Any) -> None:
    probe = await start()
    async with grpc.aio.insecure_channel(probe.settings.probe_url) as channel:
        method: Any = channel.unary_unary("/chartly.api.probe.v1.ProbeService/Nothing", None, None)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(b"")
    assert caught.value.code() is StatusCode.UNIMPLEMENTED
