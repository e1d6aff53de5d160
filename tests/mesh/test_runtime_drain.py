"""How a server ends: what is under way ends well, what follows ends at once, what is new goes elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from chartly import runtime
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
# Their type stubs know no asyncio.
HealthStub: Any = health_pb2_grpc.HealthStub
ServerReflectionStub: Any = reflection_pb2_grpc.ServerReflectionStub
SERVICE = "chartly.api.probe.v1.ProbeService"


class Gate:
    """A body that says when it is called and answers when it is let."""

    def __init__(self) -> None:
        self.arrived, self.let = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: Any, context: runtime.Context) -> Any:
        self.arrived.set()
        await self.let.wait()
        return request


async def error_of_call(call: Any) -> runtime.ChartlyError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return runtime.error_of(caught.value)


async def health_of(address: str, service: str) -> Any:
    async with grpc.aio.insecure_channel(address) as channel:
        answer = await HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
        return answer.status


async def test_a_call_under_way_ends_well_and_new_ones_are_refused_meanwhile(start: Any) -> None:
    gate = Gate()

    async def waits(request: Any, context: runtime.Context) -> Any:
        return await gate(request, context)

    probe = await start(Read=waits, settings={"drain_seconds": 60})
    async with grpc.aio.insecure_channel(probe.settings.probe_url) as channel:
        health = HealthStub(channel)
        under_way = asyncio.ensure_future(probe.stub().Read(probe.contract.thing("x")))
        await gate.arrived.wait()
        assert [await health_of(probe.settings.probe_url, name) for name in ("", SERVICE)] == [SERVING, SERVING]
        stopping = asyncio.create_task(probe.server.stop())
        watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        while (await watch.read()).status != NOT_SERVING:
            pass
        assert [await health_of(probe.settings.probe_url, name) for name in ("", SERVICE)] == [NOT_SERVING, NOT_SERVING]
        refused = await error_of_call(probe.contract.grpc.ProbeServiceStub(channel).Greet(probe.contract.thing()))
        assert (refused.code, refused.reason) == (StatusCode.UNAVAILABLE, ErrorReason.ERROR_REASON_DRAINING)
        assert not stopping.done()
        gate.let.set()
        assert (await under_way).name == "x"
        await asyncio.wait_for(stopping, timeout=5)
        watch.cancel()


async def test_streams_that_follow_and_long_polls_end_at_once(start: Any) -> None:
    polling = asyncio.Event()

    async def follows(request: Any, context: runtime.Context) -> AsyncIterator[Any]:
        yield request
        await asyncio.Event().wait()

    async def polls(request: Any, context: runtime.Context) -> Any:
        polling.set()
        nothing = await context.wait(asyncio.Event().wait(), timeout_seconds=60)
        return probe.contract.thing("nothing" if nothing is None else "something", int(context.draining))

    probe = await start(Watch=follows, Read=polls, settings={"drain_seconds": 60})
    watch = probe.stub().Watch(probe.contract.thing("x"))
    assert (await watch.read()).name == "x"
    poll = asyncio.ensure_future(probe.stub().Read(probe.contract.thing()))
    await polling.wait()
    await asyncio.wait_for(probe.server.stop(), timeout=5)
    error = await error_of_call(watch.read())
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, ErrorReason.ERROR_REASON_DRAINING)
    answer = await poll
    assert (answer.name, list(answer.numbers)) == ("nothing", [1])


async def test_a_poll_ends_with_what_it_waited_for_or_with_its_time(start: Any) -> None:
    async def polls(request: Any, context: runtime.Context) -> Any:
        found = await context.wait(asyncio.sleep(0, "found"), timeout_seconds=60)
        nothing = await context.wait(asyncio.Event().wait(), timeout_seconds=0)
        return probe.contract.thing(f"{found} {nothing}")

    probe = await start(Read=polls)
    assert (await probe.stub().Read(probe.contract.thing())).name == "found None"


async def test_a_call_that_does_not_end_is_cancelled_after_the_drains_seconds(start: Any) -> None:
    gate, ended = Gate(), asyncio.Event()

    async def waits(request: Any, context: runtime.Context) -> Any:
        try:
            return await gate(request, context)
        finally:
            ended.set()

    probe = await start(Write=waits, settings={"drain_seconds": 0.01})
    writer = [("authorization", "Bearer chk_writer")]
    call = asyncio.ensure_future(probe.stub().Write(probe.contract.thing(), metadata=writer))
    await gate.arrived.wait()
    await asyncio.wait_for(probe.server.stop(), timeout=5)
    assert ended.is_set()
    assert (await error_of_call(call)).code in (StatusCode.UNAVAILABLE, StatusCode.CANCELLED)


async def test_background_work_is_begun_again_when_it_fails_and_ends_with_the_server(
    start: Any, tmp_path: Path
) -> None:
    begun, running, cancelled = [], asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.append(1)
        if len(begun) < 3:
            raise OSError("disk")
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    probe = await start()
    server = runtime.Server(probe.settings, clients=probe.clients)
    server.background("work", work)
    await server.start()
    await asyncio.wait_for(running.wait(), timeout=5)
    await server.stop()
    assert len(begun) == 3
    assert cancelled.is_set()


async def test_reflection_lists_the_services(start: Any) -> None:
    probe = await start()
    async with grpc.aio.insecure_channel(probe.settings.probe_url) as channel:
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = ServerReflectionStub(channel).ServerReflectionInfo(iter([asked]))
        names = [service.name for service in (await call.read()).list_services_response.service]
    assert sorted(names) == [SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"]


async def test_a_taken_port_is_said(start: Any) -> None:
    probe = await start()
    taken = probe.settings.model_copy(update={"port": probe.server.port})
    server = runtime.Server(taken, clients=probe.clients)
    with pytest.raises(runtime.PortTaken, match=f"cannot listen on 127.0.0.1:{probe.server.port}"):
        await server.start()
    await server.stop()


PROGRAM = """
import sys
from typing import ClassVar
from chartly import runtime

class GatewaySettings(runtime.ServiceSettings):
    service: ClassVar[str] = "gateway"
    port: int = 0

async def main(settings):
    async with runtime.Clients(settings) as clients:
        await runtime.Server(settings, clients=clients).serve_until_signal()

sys.exit(runtime.run_with_flags(main, GatewaySettings, sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_drains_on_a_signal_and_exits_0(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "--drain-seconds", "1", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    assert b'"message": "serving"' in await asyncio.wait_for(process.stderr.readline(), timeout=20)
    os.kill(process.pid, number)
    rest = await asyncio.wait_for(process.stderr.read(), timeout=20)
    assert await process.wait() == 0
    assert b'"message": "draining"' in rest


async def test_what_keeps_a_service_from_starting_is_one_line_and_exit_code_1(start: Any) -> None:
    probe = await start()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "--port", str(probe.server.port), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    lines = [line for line in said.decode().splitlines() if line.startswith("{")]
    assert process.returncode == 1
    assert [json.loads(line)["message"] for line in lines] == [
        f"cannot listen on 127.0.0.1:{probe.server.port}: is another process there?"
    ]


FORKS = """
import os, sys, threading
from typing import ClassVar
import grpc
import alembic.command
from grpc_health.v1 import health_pb2, health_pb2_grpc
from chartly import runtime
from chartly.runtime import database, outbox, process, server

class GatewaySettings(runtime.ServiceSettings):
    service: ClassVar[str] = "gateway"
    port: int = 0

async def main(settings):
    async with runtime.Clients(settings) as clients:
        serving = runtime.Server(settings, clients=clients)
        await serving.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{serving.port}") as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await serving.stop()

assert threading.active_count() == 1
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(runtime.run(main, GatewaySettings(log_level="error")))
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


async def test_forks_of_a_process_that_imported_all_serve_each_for_itself() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", FORKS, stderr=asyncio.subprocess.PIPE)
    _, said = await asyncio.wait_for(process.communicate(), timeout=60)
    assert (process.returncode, said.decode()) == (0, "")


async def test_flags_that_cannot_be_used_are_told_with_exit_code_2() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "--drain-seconds", "long", stderr=asyncio.subprocess.PIPE
    )
    _, error = await process.communicate()
    assert process.returncode == 2
    assert error.decode().startswith("drain_seconds: Input should be a valid number")
