"""What the client's code leaves to the way in which it runs; `sync/bridge.py` is the other way, and written by hand like this."""

from __future__ import annotations

import asyncio
import io
from asyncio import sleep
from asyncio import to_thread as in_thread
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any

import grpc

__all__ = ["FAILURES", "ChunkFile", "Pieces", "in_thread", "pieces_of", "sleep"]

#: What a call can raise where it is waited for; that it was cancelled is no error here.
FAILURES: tuple[type[BaseException], ...] = (grpc.RpcError, asyncio.CancelledError)

#: Bytes in pieces.
Pieces = Iterable[bytes] | AsyncIterable[bytes]


async def pieces_of(pieces: Pieces) -> AsyncIterator[bytes]:
    """Yield the pieces."""
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece
    else:
        for piece in pieces:
            yield piece


class ChunkFile(io.RawIOBase):
    """Chunks as a file, to be read in another thread than the loop's."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._loop = asyncio.get_running_loop()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read what is there, or wait for the next chunk; 0 at the end."""
        while not self._rest:
            chunk = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)
