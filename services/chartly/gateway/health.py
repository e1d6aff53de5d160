"""How each service is, asked by gRPC's own health protocol."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import grpc
from chartly.gateway.config import GatewaySettings
from chartly.runtime.server import VERSION_KEY
from chartly.runtime.settings import PORTS
from grpc_health.v1 import health_pb2, health_pb2_grpc

# A service that was down is seen again soon: gRPC's own waits grow to two minutes.
_CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]


@dataclass(frozen=True, slots=True)
class Health:
    """How one service is.

    latency_ms: milliseconds that its answer took; 0 if it is down.
    version: of its program; empty if it is down.
    """

    service: str
    serving: bool = False
    latency_ms: float = 0.0
    version: str = ""


class Mesh:
    """The nine services, the gateway among them."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._stubs: dict[str, Any] = {}

    async def ask(self) -> list[Health]:
        """Return how each service is, in the order of their ports."""
        return await asyncio.gather(*(self._ask(service) for service in PORTS))

    async def _ask(self, service: str) -> Health:
        start = time.perf_counter()
        call = self._stub(service).Check(health_pb2.HealthCheckRequest(), timeout=self._settings.health_seconds)
        try:
            answer, metadata = await call, dict(await call.initial_metadata())
        except grpc.aio.AioRpcError:
            return Health(service)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            return Health(service)
        latency_ms = round(1000 * (time.perf_counter() - start), 3)
        return Health(service, serving=True, latency_ms=latency_ms, version=str(metadata.get(VERSION_KEY, "")))

    def _stub(self, service: str) -> Any:  # its type stubs know no asyncio
        if service not in self._stubs:
            channel = grpc.aio.insecure_channel(self._settings.url_of(service), options=_CHANNEL_OPTIONS)
            self._stubs[service] = health_pb2_grpc.HealthStub(channel)
        return self._stubs[service]
