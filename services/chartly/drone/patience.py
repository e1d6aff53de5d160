"""Calls to services of the mesh that may be starting anew: what was fetched is worth waiting for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from grpc import StatusCode

T = TypeVar("T")
PATIENCE_SECONDS = 20.0
_WAIT_SECONDS = 0.5


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Return what an idempotent call answers; while its service is away, call again for PATIENCE_SECONDS.

    Raises:
        AioRpcError: what the service answers, or that it stays away.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + PATIENCE_SECONDS
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() is not StatusCode.UNAVAILABLE or clock() > until:
                raise
            await asyncio.sleep(_WAIT_SECONDS)
