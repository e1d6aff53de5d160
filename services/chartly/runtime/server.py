"""A service's gRPC server: its servicers behind the interceptors, health, reflection, metrics, background work and drain."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import grpc
from chartly.runtime.audit import audited
from chartly.runtime.clients import Clients
from chartly.runtime.contracts import ContractError, contracts_of, service_of
from chartly.runtime.drain import Drain
from chartly.runtime.errors import CannotStart
from chartly.runtime.handlers import generic_handler
from chartly.runtime.identity import AuthIdentities, Identify
from chartly.runtime.interceptors import Interceptor, answered, bounded, identified, logged, permitted, validated
from chartly.runtime.settings import ServiceSettings
from chartly.runtime.telemetry import Metrics, MetricsServer
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

if TYPE_CHECKING:
    from chartly.runtime.outbox import Outbox

logger = logging.getLogger(__name__)
Work = Callable[[], Coroutine[Any, Any, None]]
_FIRST_BACKOFF_SECONDS, _LAST_BACKOFF_SECONDS = 0.1, 5.0
_FLUSH_SECONDS = 0.2
#: Key of the initial metadata of a health check, whose value is the version of the service.
VERSION_KEY = "x-chartly-version"


class PortTaken(CannotStart):
    """Something else listens on the port; the service refuses to start."""


class Server:
    """Serves servicers whose methods are `async def Method(self, request, context: Context)`, or async generators that stream.

    Args:
        settings: of the service.
        clients: the service's stubs, through which callers are identified.
        outbox: where entries for the ledger go; required if a method has audit level LEAF.
        identify: turns a bearer's key into a principal; default: auth is asked.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        clients: Clients,
        outbox: Outbox | None = None,
        identify: Identify | None = None,
    ) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._outbox = outbox
        self._drain = Drain(settings.service)
        self._identify = identify or AuthIdentities(clients)
        self._services: list[ServiceDescriptor] = []
        self._handlers: list[grpc.GenericRpcHandler[Any, Any]] = []
        self._works: dict[str, Work] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._health = _Health()
        self._metrics_server = MetricsServer(self.metrics)
        self._server: grpc.aio.Server | None = None
        self.port = self.metrics_port = 0

    def add(self, servicer: object) -> None:
        """Serve a servicer, which derives from a generated `…Servicer`.

        Raises:
            ContractError: a method of the contract is not there, does not say who may call it or how it is audited, or is audited
                as a leaf by a service without an outbox.
        """
        service = service_of(servicer)
        contracts = contracts_of(service)
        if self._outbox is None and (leaves := [contract.path for contract in contracts if contract.leaf]):
            raise ContractError(f"{leaves[0]} is audited as a leaf, and the service has no outbox")
        self._handlers.append(generic_handler(servicer, service, self._interceptors(), self._drain.event))
        self._services.append(service)

    def background(self, name: str, work: Work) -> None:
        """Run work from the start until the drain, in which it is cancelled; when it fails it is logged and begun again."""
        self._works[name] = work

    async def start(self) -> int:
        """Bind the port and serve; return the port.

        Raises:
            PortTaken: something else listens there.
        """
        self._server = self._bind()
        await self._server.start()
        self.metrics_port = await self._start_metrics()
        if self._outbox is not None:
            self.background("outbox", self._outbox.forward)
        self._tasks = [asyncio.create_task(_supervise(name, work), name=name) for name, work in self._works.items()]
        for service in self._services:
            await self._health.set(service.full_name, health_pb2.HealthCheckResponse.SERVING)
        logger.info("serving", extra={"port": self.port, "metrics_port": self.metrics_port})
        return self.port

    async def stop(self) -> None:
        """Drain and end: say NOT_SERVING, take no new calls, let those under way end within the drain's seconds."""
        await self._health.enter_graceful_shutdown()
        for task in self._tasks:
            task.cancel()
        await self._drain.run(self._settings.drain_seconds)
        if self._server is not None:
            await self._server.stop(_FLUSH_SECONDS)
        await self._drain.run(_FLUSH_SECONDS)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._metrics_server.stop()

    async def serve_until_signal(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain. A second signal ends the process at once."""
        asked_to_stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ask() -> None:
            asked_to_stop.set()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ask)
        await self.start()
        await asked_to_stop.wait()
        logger.info("draining")
        await self.stop()

    def _interceptors(self) -> list[Interceptor]:
        audit = [audited(self._settings.tenant, self._outbox.store_current)] if self._outbox else []
        identity = identified(self._identify, self._settings)
        return [logged(self.metrics), answered, self._drain.admitted, *audit, bounded, identity, permitted, validated]

    def _bind(self) -> grpc.aio.Server:
        limit = self._settings.max_message_bytes
        server = grpc.aio.server(
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", limit),
                # The edge passes a path on in a header, and takes paths and headers of 60 KiB.
                ("grpc.max_metadata_size", 64 << 10),
                ("grpc.absolute_max_metadata_size", 80 << 10),
            ]
        )
        server.add_generic_rpc_handlers(tuple(self._handlers))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = [service.full_name for service in self._services]
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
        address = f"{self._settings.host}:{self._settings.port}"
        try:
            self.port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise PortTaken(f"cannot listen on {address}: is another process there?") from error
        return server

    async def _start_metrics(self) -> int:
        wanted = self._settings.metrics_port
        if wanted is None:
            wanted = self.port + 1000 if self._settings.port else 0
        try:
            return await self._metrics_server.start(wanted)
        except OSError as error:
            raise PortTaken(f"cannot listen on 127.0.0.1:{wanted} for metrics: is another process there?") from error


class _Health(health.aio.HealthServicer):  # type: ignore[misc, name-defined]  # its stubs lack aio
    """The standard health servicer, which also says which version answers."""

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> Any:  # noqa: N802
        await context.send_initial_metadata(((VERSION_KEY, version("chartly-platform")),))
        return await super().Check(request, context)


async def _supervise(name: str, work: Work) -> None:
    backoff = _FIRST_BACKOFF_SECONDS
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await work()
            return
        except Exception:
            logger.exception("background work failed", extra={"work": name})
        if asyncio.get_running_loop().time() - began > _LAST_BACKOFF_SECONDS:
            backoff = _FIRST_BACKOFF_SECONDS
        await asyncio.sleep(backoff)
        backoff = min(backoff * 2, _LAST_BACKOFF_SECONDS)
