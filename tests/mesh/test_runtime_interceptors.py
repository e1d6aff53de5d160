"""What happens around each call: request id and log, identity, permission, validation, metrics."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from chartly import runtime
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime.contracts import ContractError
from chartly.runtime.telemetry import JsonFormatter
from grpc import StatusCode

WRITER = [("authorization", "Bearer chk_writer")]


async def error_of_call(call: Any) -> runtime.ChartlyError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return runtime.error_of(caught.value)


async def error_of_stream(call: Any) -> runtime.ChartlyError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in call:
            pass
    return runtime.error_of(caught.value)


async def test_a_callers_request_id_is_answered_and_relayed(start: Any) -> None:
    async def tells(request: Any, context: runtime.Context) -> Any:
        return inner.contract.thing(context.request_id)

    inner = await start(Read=tells)

    async def asks(request: Any, context: runtime.Context) -> Any:
        return await inner.stub().Read(request)

    outer = await start(Read=asks)
    async with grpc.aio.insecure_channel(outer.settings.probe_url) as channel:
        call = outer.contract.grpc.ProbeServiceStub(channel).Read(
            outer.contract.thing(), metadata=[("x-request-id", "mine")]
        )
        assert (await call).name == "mine"
        assert dict(await call.trailing_metadata())["x-request-id"] == "mine"


@pytest.mark.parametrize("sent", ["", "two words", "x" * 129])
async def test_a_request_id_that_would_spoil_the_log_is_replaced(start: Any, sent: str) -> None:
    probe = await start()
    async with grpc.aio.insecure_channel(probe.settings.probe_url) as channel:
        call = probe.contract.grpc.ProbeServiceStub(channel).Read(
            probe.contract.thing(), metadata=[("x-request-id", sent)]
        )
        await call
        answered = str(dict(await call.trailing_metadata())["x-request-id"])
    assert len(answered) == 32
    assert answered.isalnum()


async def test_each_call_is_a_line_of_the_log(start: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def works(request: Any, context: runtime.Context) -> Any:
        logging.getLogger("work").info("working", extra={"thing": request.name})
        return request

    probe = await start(Write=works)
    lines: list[dict[str, Any]] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(json.loads(JsonFormatter("probe").format(record)))  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        with caplog.at_level(logging.INFO):
            await probe.stub().Write(probe.contract.thing("x"), metadata=WRITER)
    finally:
        logging.getLogger().removeHandler(handler)
    work = next(line for line in lines if line["logger"] == "work")
    call = next(line for line in lines if line["message"] == "call")
    assert work["request_id"] == call["request_id"] != ""
    assert (work["thing"], work["service"], work["level"]) == ("x", "probe", "info")
    assert (call["method"], call["code"]) == ("/chartly.api.probe.v1.ProbeService/Write", "OK")
    assert call["caller"] == "key/writer"
    assert 0 < call["seconds"] < 10


async def test_the_body_knows_who_calls(start: Any) -> None:
    async def tells(request: Any, context: runtime.Context) -> Any:
        return probe.contract.thing(context.principal.name, int(context.principal.anonymous))

    probe = await start(Read=tells)
    anonymous = await probe.stub().Read(probe.contract.thing())
    reader = await probe.stub().Read(probe.contract.thing(), metadata=[("authorization", "bearer chk_reader")])
    assert (anonymous.name, list(anonymous.numbers)) == ("anonymous", [1])
    assert (reader.name, list(reader.numbers)) == ("key/reader", [0])


async def test_a_caller_without_a_key_is_refused_where_anonymous_callers_are(start: Any) -> None:
    probe = await start(settings={"allow_anonymous": False})
    error = await error_of_call(probe.stub().Read(probe.contract.thing()))
    assert (error.code, error.reason) == (StatusCode.UNAUTHENTICATED, ErrorReason.ERROR_REASON_KEY_MISSING)
    assert (await probe.stub().Greet(probe.contract.thing("hello"))).name == "hello"


@pytest.mark.parametrize("header", ["Bearer chk_other", "chk_writer", "Basic Zm9v"])
async def test_a_key_that_is_not_valid_is_refused(start: Any, header: str) -> None:
    probe = await start()
    error = await error_of_call(probe.stub().Read(probe.contract.thing(), metadata=[("authorization", header)]))
    assert (error.code, error.reason) == (StatusCode.UNAUTHENTICATED, ErrorReason.ERROR_REASON_KEY_INVALID)


async def test_a_caller_without_the_permission_is_refused_before_the_request_is_read(start: Any) -> None:
    probe = await start()
    error = await error_of_call(probe.stub().Write(probe.contract.thing("")))
    assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, ErrorReason.ERROR_REASON_PERMISSION_MISSING)
    assert error.metadata == {"permission": "probe.things.write", "principal": "anonymous"}


async def test_an_invalid_request_is_refused_with_every_problem(start: Any) -> None:
    probe = await start()
    error = await error_of_call(probe.stub().Read(probe.contract.thing("", 1, -1)))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_INVALID_FIELD)
    assert [(violation.field, violation.reason) for violation in error.violations] == [
        ("name", "string.min_len"),
        ("numbers[1]", "int64.gte"),
    ]
    assert error.metadata == {"violations": "2"}


async def test_each_message_of_a_stream_is_validated_when_it_comes(start: Any) -> None:
    arrived: list[str] = []

    async def collects(requests: AsyncIterator[Any], context: runtime.Context) -> Any:
        async for request in requests:
            arrived.append(request.name)  # what came before the error counts
        return request

    probe = await start(Send=collects)
    things = [probe.contract.thing("a"), probe.contract.thing("")]
    error = await error_of_call(probe.stub().Send(iter(things), metadata=WRITER))
    assert arrived == ["a"]
    assert error.violations[0].field == "name"
    talked = await error_of_stream(probe.stub().Chat(iter(things)))
    assert talked.violations[0].field == "name"


async def test_all_four_kinds_of_calls_are_served(start: Any) -> None:
    probe = await start()
    stub, thing = probe.stub(), probe.contract.thing
    assert (await stub.Read(thing("a"))).name == "a"
    assert [answer.name async for answer in stub.List(thing("b"))] == ["b"]
    assert (await stub.Send(iter([thing("c"), thing("d")]), metadata=WRITER)).name == "d"
    assert [answer.name async for answer in stub.Chat(iter([thing("e"), thing("f")]))] == ["e", "f"]


async def test_refused_streams_never_reach_the_body(start: Any) -> None:
    probe = await start(identify=None)  # asks auth, which is away
    assert (await error_of_stream(probe.stub().List(probe.contract.thing()))).metadata == {"service": "auth"}


async def test_metrics_count_calls_by_outcome_on_loopback(start: Any) -> None:
    probe = await start()
    await probe.stub().Read(probe.contract.thing())
    await error_of_call(probe.stub().Read(probe.contract.thing("")))
    head, body = await http_get(probe.server.metrics_port, "/metrics")
    assert head.startswith("HTTP/1.1 200 OK")
    path = 'method="/chartly.api.probe.v1.ProbeService/Read"'
    assert f'chartly_calls_total{{code="OK",{path}}} 1.0' in body
    assert f'chartly_calls_total{{code="INVALID_ARGUMENT",{path}}} 1.0' in body
    assert f"chartly_call_seconds_count{{{path}}} 2.0" in body
    assert (await http_get(probe.server.metrics_port, "/other"))[0].startswith("HTTP/1.1 404")


async def http_get(port: int, path: str) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head, body


async def test_a_contract_that_says_too_little_is_refused(contract: Any, start: Any) -> None:
    probe = await start()
    silent = type("SilentServicer", (contract.grpc.SilentServiceServicer,), {"Say": None})()
    with pytest.raises(ContractError, match=r"Say needs a permission or public.*Say does not say how it is audited"):
        probe.server.add(silent)


async def test_a_servicer_that_lacks_a_method_is_refused(contract: Any, start: Any) -> None:
    probe = await start()
    with pytest.raises(ContractError, match="ProbeServiceServicer lacks Write"):
        probe.server.add(contract.grpc.ProbeServiceServicer())


async def test_a_service_without_an_outbox_may_have_no_leaf(contract: Any, start: Any) -> None:
    probe = await start()
    server = runtime.Server(probe.settings, clients=probe.clients)
    with pytest.raises(ContractError, match="/Write is audited as a leaf, and the service has no outbox"):
        server.add(contract.grpc.ProbeServiceServicer())


async def test_a_stream_that_its_caller_cuts_is_never_taken_as_complete(start: Any) -> None:
    taken: list[int] = []
    begun = asyncio.Event()

    async def counts(requests: AsyncIterator[Any], context: runtime.Context) -> Any:
        count = 0
        async for _ in requests:
            count += 1
            begun.set()
        taken.append(count)
        return probe.contract.thing()

    probe = await start(Send=counts)
    for attempt in range(200):
        begun.clear()
        call = probe.stub().Send(metadata=WRITER)
        await call.write(probe.contract.thing())
        await begun.wait()
        for _ in range(attempt % 5):
            await call.write(probe.contract.thing("a" * (1000 if attempt % 2 else 100_000)))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    call = probe.stub().Send(metadata=WRITER)
    await call.write(probe.contract.thing())
    await call.done_writing()
    await call
    assert taken == [1]
