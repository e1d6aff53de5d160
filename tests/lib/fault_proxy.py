"""A gRPC proxy that stands between the edge and the services, and answers some calls with faults."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc

CANCEL_SECONDS = 5
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_OF_THE_WIRE = ("grpc-", ":", "user-agent", "te", "content-type")


@dataclass
class Fault:
    """What becomes of calls of a method.

    method: its name, as in `GetStatus`.
    times: how many calls meet it; those after them pass.
    code: name of the code to fail with; empty for an end without an error.
    pushback_ms: what the failure says of retries, in `grpc-retry-pushback-ms`.
    delay_seconds: time before anything else happens.
    after_messages: messages of the answer that pass first; None if the service is not asked at all.
    """

    method: str
    times: int = 1_000
    code: str = ""
    pushback_ms: int | None = None
    delay_seconds: float = 0.0
    after_messages: int | None = None

    @property
    def passes(self) -> bool:
        """Whether the service is asked."""
        return self.after_messages is not None or not self.code


@dataclass
class Seen:
    """A call that came: its method's name, its request id, and whether its caller gave it up."""

    method: str
    request_id: str
    was_cancelled: bool = False


@dataclass
class FaultProxy(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic only in its stubs
    """The proxy. `plan` sets what happens from now on and forgets what was seen.

    targets: host and port of each service.
    """

    targets: Mapping[str, str]
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    _faults: list[Fault] = field(default_factory=list)
    _channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    def plan(self, faults: Sequence[Fault]) -> None:
        """Set the faults of the calls to come."""
        self._faults = list(faults)
        self.seen = []

    def saw_a_cancellation(self) -> bool:
        """Say whether a caller gives up a call that was seen; wait a little for it to do so."""
        end = time.monotonic() + CANCEL_SECONDS
        while not (told := any(seen.was_cancelled for seen in self.seen)) and time.monotonic() < end:
            time.sleep(0.02)
        return told

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call, whatever its method."""
        return grpc.stream_stream_rpc_method_handler(partial(self._forward, details.method))

    async def _forward(
        self, path: str, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        metadata = [
            (key, value) for key, value in context.invocation_metadata() or () if not key.startswith(_OF_THE_WIRE)
        ]
        name = path.rpartition("/")[2]
        seen = Seen(name, str(dict(metadata).get("x-request-id", "")))
        self.seen.append(seen)
        fault = self._fault_of(name)
        try:
            await asyncio.sleep(fault.delay_seconds)
            if not fault.passes:
                await _fail(fault, context)
            method: Any = self._channel(path).stream_stream(path, None, None)
            call = method(requests, metadata=metadata, timeout=context.time_remaining())
            async for message in self._answer(call, fault, context):
                yield message
        except (asyncio.CancelledError, GeneratorExit):
            seen.was_cancelled = True
            raise

    async def _answer(self, call: Any, fault: Fault, context: Any) -> AsyncIterator[bytes]:
        left = fault.after_messages
        try:
            async for message in call:
                if left is not None and (left := left - 1) < 0:
                    call.cancel()
                    break
                yield message
            else:
                context.set_trailing_metadata(tuple(await call.trailing_metadata()))
                return
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "", tuple(error.trailing_metadata() or ()))
        finally:
            call.cancel()
        if fault.code:
            await _fail(fault, context)

    def _fault_of(self, name: str) -> Fault:
        for fault in self._faults:
            if fault.method == name and fault.times > 0:
                fault.times -= 1
                return fault
        return Fault(name)

    def _channel(self, path: str) -> grpc.aio.Channel:
        service = path.split(".")[2]
        if service not in self._channels:
            self._channels[service] = grpc.aio.insecure_channel(self.targets[service], options=_UNLIMITED)
        return self._channels[service]

    async def run(self, started: threading.Event, stopping: asyncio.Event) -> None:
        """Serve on a free port of 127.0.0.1 until asked to stop."""
        server = grpc.aio.server(options=_UNLIMITED)
        server.add_generic_rpc_handlers([self])
        self.port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        started.set()
        await stopping.wait()
        await server.stop(0)
        for channel in self._channels.values():
            await channel.close(None)


async def _fail(fault: Fault, context: Any) -> None:
    pushback = () if fault.pushback_ms is None else (("grpc-retry-pushback-ms", str(fault.pushback_ms)),)
    await context.abort(grpc.StatusCode[fault.code], "a fault of the test", pushback)


@contextmanager
def running_proxy(targets: Mapping[str, str]) -> Iterator[FaultProxy]:
    """Run a proxy, in a thread of its own, for the length of the block."""
    proxy = FaultProxy(targets)
    started, loop, stopping = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(proxy.run(started, stopping)))
    thread.start()
    try:
        assert started.wait(10)
        yield proxy
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()
