"""How long calls may take, and which are tried again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest
from chartly import runtime
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime.clients import service_config
from chartly.runtime.contracts import methods_of
from chartly.runtime.errors import Draining
from grpc import StatusCode

WRITER = [("authorization", "Bearer chk_writer")]


async def test_a_call_without_a_deadline_gets_its_methods(start: Any) -> None:
    async def tells(request: Any, context: runtime.Context) -> Any:
        return probe.contract.thing("t", round(context.time_remaining() * 1000))

    probe = await start(Read=tells, Write=tells)
    async with grpc.aio.insecure_channel(probe.settings.probe_url) as channel:
        stub = probe.contract.grpc.ProbeServiceStub(channel)
        stated = (await stub.Read(probe.contract.thing())).numbers[0]
        default = (await stub.Write(probe.contract.thing(), metadata=WRITER)).numbers[0]
        own = (await stub.Read(probe.contract.thing(), timeout=3)).numbers[0]
    assert 19_000 < stated <= 20_000
    assert 29_000 < default <= 30_000
    assert 2_000 < own < 3_100


async def test_a_call_that_takes_longer_than_its_method_may_ends_with_a_reason(start: Any) -> None:
    ended = asyncio.Event()

    async def never(requests: Any, context: runtime.Context) -> Any:
        try:
            await asyncio.Event().wait()
            yield
        finally:
            ended.set()

    probe = await start(Chat=never)
    async with grpc.aio.insecure_channel(probe.settings.probe_url) as channel:
        call = probe.contract.grpc.ProbeServiceStub(channel).Chat()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    error = runtime.error_of(caught.value)
    assert (error.code, error.reason) == (StatusCode.DEADLINE_EXCEEDED, ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED)
    assert error.metadata == {"deadline_seconds": "1"}
    assert ended.is_set()


async def test_a_bodys_own_timeout_is_not_taken_for_the_deadline(start: Any) -> None:
    async def times_out(request: Any, context: runtime.Context) -> Any:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    probe = await start(Read=times_out)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await probe.stub().Read(probe.contract.thing())
    assert caught.value.code() is StatusCode.INTERNAL


async def test_the_remaining_time_and_the_key_go_along_to_siblings(start: Any) -> None:
    seen: list[tuple[float, str]] = []

    async def tells(request: Any, context: runtime.Context) -> Any:
        seen.append((context.time_remaining(), context.principal.name))
        return request

    inner = await start(Read=tells)

    async def asks(request: Any, context: runtime.Context) -> Any:
        await inner.stub().Read(request)
        return await inner.clients.stub(inner.contract.grpc.ProbeServiceStub, as_service=True).Read(request)

    outer = await start(Read=asks)
    await outer.stub().Read(outer.contract.thing(), timeout=5, metadata=[("authorization", "Bearer chk_reader")])
    assert [name for _, name in seen] == ["key/reader", "anonymous"]
    assert all(4 < remaining < 5 for remaining, _ in seen)


async def test_a_caller_that_leaves_ends_the_call_and_those_it_made(start: Any) -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def never(request: Any, context: runtime.Context) -> Any:
        try:
            arrived.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    inner = await start(Read=never)

    async def asks(request: Any, context: runtime.Context) -> Any:
        return await inner.stub().Read(request)

    outer = await start(Read=asks)
    call = outer.stub().Read(outer.contract.thing())
    call_task = asyncio.ensure_future(call)
    await arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call_task
    await asyncio.wait_for(ended.wait(), timeout=5)


class Flaky:
    """Fails twice as one that is away fails, then answers."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, request: Any, context: runtime.Context) -> Any:
        self.calls += 1
        if self.calls <= 2:
            raise Draining("probe")
        return request


async def test_a_method_that_is_safe_to_retry_is_tried_again(start: Any) -> None:
    flaky = Flaky()

    async def reads(request: Any, context: runtime.Context) -> Any:
        return await flaky(request, context)

    probe = await start(Read=reads)
    assert (await probe.stub().Read(probe.contract.thing("x"))).name == "x"
    assert flaky.calls == 3


async def test_retries_of_callers_do_not_multiply(start: Any) -> None:
    calls: list[str] = []

    async def asks(request: Any, context: runtime.Context) -> Any:
        calls.append(context.request_id)
        away = probe.settings.model_copy(update={"probe_url": "127.0.0.1:1"})
        async with runtime.Clients(away) as clients:
            return await clients.stub(probe.contract.grpc.ProbeServiceStub).Write(request)

    probe = await start(Read=asks)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await probe.stub().Read(probe.contract.thing())
    assert caught.value.code() is StatusCode.UNAVAILABLE
    assert len(calls) == 1


async def test_a_method_that_may_not_be_repeated_is_called_once(start: Any) -> None:
    flaky = Flaky()

    async def writes(request: Any, context: runtime.Context) -> Any:
        return await flaky(request, context)

    probe = await start(Write=writes)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await probe.stub().Write(probe.contract.thing(), metadata=WRITER)
    assert caught.value.code() is StatusCode.UNAVAILABLE
    assert flaky.calls == 1


async def test_a_sibling_that_comes_back_is_reached(start: Any, unused_port: int) -> None:
    probe = await start()
    late = probe.settings.model_copy(update={"probe_url": f"127.0.0.1:{unused_port}"})
    async with runtime.Clients(late) as clients:
        call = asyncio.ensure_future(clients.stub(probe.contract.grpc.ProbeServiceStub).Read(probe.contract.thing("x")))
        began = time.monotonic()
        await start(settings={"port": unused_port})
        assert (await call).name == "x"
    assert time.monotonic() - began < 5


def test_the_service_config_retries_what_the_contract_calls_safe(contract: Any) -> None:
    (config,) = service_config(methods_of("probe"))["methodConfig"]
    assert [name["method"] for name in config["name"]] == ["Read", "List", "Watch", "Greet"]
    assert {name["service"] for name in config["name"]} == {"chartly.api.probe.v1.ProbeService"}
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert service_config([]) == {"methodConfig": []}
