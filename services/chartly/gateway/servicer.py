"""The gateway's RPCs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from chartly.api.gateway.v1 import gateway_pb2 as pb
from chartly.api.gateway.v1 import gateway_pb2_grpc
from chartly.gateway import convert
from chartly.gateway.errors import MeshNotHealthy
from chartly.gateway.events import Hub
from chartly.gateway.health import Mesh
from chartly.gateway.openapi import openapi_document
from chartly.runtime import Context
from google.api.httpbody_pb2 import HttpBody


class GatewayServicer(gateway_pb2_grpc.GatewayServiceServicer):
    """Serves chartly.api.gateway.v1.GatewayService."""

    def __init__(self, mesh: Mesh, hub: Hub, *, comment_seconds: float) -> None:
        self._mesh = mesh
        self._hub = hub
        self._comment_seconds = comment_seconds

    async def GetHealth(self, request: pb.GetHealthRequest, context: Context) -> pb.GetHealthResponse:
        silent = [health.service for health in await self._mesh.ask() if not health.serving]
        if silent:
            raise MeshNotHealthy(silent)
        return pb.GetHealthResponse(status="healthy")

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        return convert.status_response(await self._mesh.ask())

    async def WatchEvents(self, request: pb.WatchEventsRequest, context: Context) -> AsyncIterator[HttpBody]:
        with self._hub.reader() as reader:
            yield convert.sse_comment("events from now on")
            while not context.draining and (reader.has_more or not reader.overrun):
                try:
                    event = await context.wait(reader.next(), self._comment_seconds)
                except asyncio.CancelledError:
                    if context.draining:
                        break
                    raise
                yield convert.sse_event(event) if event else convert.sse_comment("still here")
            yield convert.sse_end("too slow" if reader.overrun else "the service is about to stop")

    async def GetOpenApi(self, request: pb.GetOpenApiRequest, context: Context) -> HttpBody:
        return HttpBody(content_type="application/json", data=await asyncio.to_thread(openapi_document))
