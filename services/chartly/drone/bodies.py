"""Reading the body of an HTTP response, in pieces of bounded size."""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Callable, Iterator

from chartly.drone.errors import SourceAnswerInvalid

_CHUNK_BYTES = 1 << 20


def read_body(
    host: str, response: http.client.HTTPResponse, max_bytes: int, before_each: Callable[[], None]
) -> bytes | None:
    """Return the body of a response, decoded; None where it is longer than `max_bytes`. Blocks.

    Args:
        host: that answers, for messages.
        response: whose head is read.
        max_bytes: bytes to read at most, after decoding.
        before_each: called before each read.

    Raises:
        IncompleteRead: it breaks off.
        SourceAnswerInvalid: its encoding is damaged, or none that was asked for.
    """
    decoder = _decoder(host, response)
    chunks: list[bytes] = []
    size_bytes = 0
    while True:
        before_each()
        chunk = response.read1(_CHUNK_BYTES)
        if not chunk:
            break
        for piece in decoder.decode(chunk) if decoder else (chunk,):
            chunks.append(piece)
            size_bytes += len(piece)
            if size_bytes > max_bytes:
                return None
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    response.close()  # without it the connection takes no further request
    if decoder:
        decoder.check_complete()
    return b"".join(chunks)


class _Gzip:
    """Decodes gzip in pieces of bounded size, so that a small body cannot become a large one unseen."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._stream = zlib.decompressobj(wbits=31)

    def decode(self, data: bytes) -> Iterator[bytes]:
        piece = b""
        while data or len(piece) == _CHUNK_BYTES:
            if self._stream.eof:
                self._stream = zlib.decompressobj(wbits=31)
            try:
                piece = self._stream.decompress(data, _CHUNK_BYTES)
            except zlib.error as error:
                raise SourceAnswerInvalid(self._host, f"answers gzip that is damaged ({error})") from None
            yield piece
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def check_complete(self) -> None:
        if not self._stream.eof:
            raise SourceAnswerInvalid(self._host, "answers gzip that is cut short")


def _decoder(host: str, response: http.client.HTTPResponse) -> _Gzip | None:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        return _Gzip(host)
    if encoding not in ("identity", ""):
        raise SourceAnswerInvalid(host, f"answers with content encoding {encoding}, which was not asked for")
    return None
