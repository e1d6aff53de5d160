"""What the client's code leaves to the way in which it runs; `aio/bridge.py` is the other way, and written by hand like this."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from time import sleep
from typing import Any, ParamSpec, TypeVar

import grpc

__all__ = ["FAILURES", "ChunkFile", "Pieces", "in_thread", "pieces_of", "sleep"]

P = ParamSpec("P")
R = TypeVar("R")

#: What a call can raise where it is waited for.
FAILURES: tuple[type[BaseException], ...] = (grpc.RpcError,)

#: Bytes in pieces.
Pieces = Iterable[bytes]

pieces_of = iter


def in_thread(function: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """Call a function that may block, as this thread may too."""
    return function(*args, **named)


class ChunkFile(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read what is there, or wait for the next chunk; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
