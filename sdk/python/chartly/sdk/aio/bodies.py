"""Files that travel in pieces, in both directions."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, cast

from chartly.sdk.aio.bridge import Pieces, in_thread, pieces_of
from chartly.sdk.aio.connection import Stream
from google.api.httpbody_pb2 import HttpBody

CHUNK_BYTES = 256 << 10

#: Bytes to send: themselves, a file's path, an open binary file, or pieces.
Source = bytes | Path | IO[bytes] | Pieces


class Body:
    """A file that comes in pieces. Iterate it, `read` it whole or `save` it; it can be read once."""

    def __init__(self, stream: Stream[HttpBody]) -> None:
        self.stream = stream
        self._media_type = ""

    @property
    def media_type(self) -> str:
        """Media type; known as soon as the first piece has come."""
        return self._media_type

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for message in self.stream:
            self._media_type = self._media_type or message.content_type
            yield message.data

    async def read(self) -> bytes:
        """Return all bytes."""
        return b"".join([chunk async for chunk in self])

    async def save(self, path: Path) -> int:
        """Write all bytes to a file and return how many there are."""
        size = 0
        with await in_thread(path.open, "wb") as file:
            async for chunk in self:
                size += await in_thread(file.write, chunk)
        return size

    def cancel(self) -> None:
        """End the reading."""
        self.stream.cancel()

    async def __aenter__(self) -> Body:
        return self

    async def __aexit__(self, *problem: object) -> None:
        self.cancel()


async def chunks_of(source: Source) -> AsyncIterator[bytes]:
    """Yield the bytes of a source, in pieces that fit a message."""
    if isinstance(source, Path):
        with await in_thread(source.open, "rb") as file:
            async for chunk in _read(file):
                yield chunk
    elif isinstance(source, bytes):
        async for chunk in _read(io.BytesIO(source)):
            yield chunk
    elif hasattr(source, "read"):
        async for chunk in _read(cast(IO[bytes], source)):
            yield chunk
    else:
        async for piece in pieces_of(source):
            yield piece


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await in_thread(file.read, CHUNK_BYTES):
        yield chunk
