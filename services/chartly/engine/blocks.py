"""Cuts a long text of records into pieces that can be mapped one by one, without reading it whole.

A piece ends between two records, holds about as many bytes as asked for, and knows the number of its first record.
"""

import io
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from chartly.engine.errors import UnreadablePage

BLOCK_BYTES = 8 << 20
MAX_RECORD_BYTES = 64 << 20
ROWS_PER_BLOCK = 65_536
_QUOTED = re.compile(rb'"[^"]*"')


class Block(NamedTuple):
    """A piece: its bytes, the number of its first record in the text, from 1, and its bytes in the text.

    `size_bytes` leaves out the header that a later piece of CSV repeats.
    """

    data: bytes
    first_record: int
    size_bytes: int


def ndjson_blocks(stream: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Cut NDJSON at line ends; blank lines are no records.

    Raises:
        UnreadablePage: a line is longer than MAX_RECORD_BYTES.
    """
    record = 1
    for piece in _pieces(stream, block_bytes, _last_line_end):
        yield Block(piece, record, len(piece))
        record += (
            sum(1 for line in piece.splitlines() if line.strip()) if _has_blank_line(piece) else _line_count(piece)
        )


def csv_blocks(stream: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Cut CSV at the ends of rows, which a quoted field may put beyond a line's; each piece begins with the header.

    Raises:
        UnreadablePage: a row is longer than MAX_RECORD_BYTES, or a quote is never closed.
    """
    header, record = b"", 1
    for piece in _pieces(stream, block_bytes, _last_row_end):
        end = 0 if header else _first_row_end(piece)
        header = header or piece[:end]
        rows = piece[end:]
        yield Block(header + rows, record, len(piece))
        record += _line_count(_QUOTED.sub(b"", rows) if b'"' in rows else rows)


def parquet_blocks(stream: BinaryIO, row_count: int = ROWS_PER_BLOCK) -> Iterator[Block]:
    """Cut a Parquet file, in a stream that can be searched, into Parquet files of their own.

    Raises:
        UnreadablePage: it is no Parquet file, or a damaged one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    record = 1
    try:
        for part in pq.ParquetFile(stream).iter_batches(batch_size=row_count):
            sink = io.BytesIO()
            pq.write_table(pa.Table.from_batches([part]), sink, compression="none")
            yield Block(sink.getvalue(), record, part.nbytes)
            record += part.num_rows
    except (pa.ArrowException, OSError) as problem:
        raise UnreadablePage(f"it cannot be read as Parquet: {problem}") from None


def _pieces(stream: BinaryIO, block_bytes: int, last_end: Callable[[bytes], int]) -> Iterator[bytes]:
    rest, chunk = b"", stream.read(block_bytes)
    while chunk:
        following = stream.read(block_bytes)
        rest += chunk
        end = last_end(rest) if following else len(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > MAX_RECORD_BYTES:
            raise UnreadablePage(f"a record is longer than {MAX_RECORD_BYTES} bytes, or a quote is never closed")
        chunk = following


def _last_line_end(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def _last_row_end(data: bytes) -> int:
    end = data.rfind(b"\n") + 1
    quotes = data.count(b'"', 0, end)
    while end and quotes % 2:
        earlier = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', earlier, end)
        end = earlier
    return end


def _first_row_end(data: bytes) -> int:
    end, quotes = 0, 0
    while True:
        newline = data.find(b"\n", end) + 1
        if not newline:
            return len(data)
        quotes += data.count(b'"', end, newline)
        end = newline
        if quotes % 2 == 0:
            return end


def _line_count(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


def _has_blank_line(data: bytes) -> bool:
    return data.startswith((b"\n", b"\r\n")) or b"\n\n" in data or b"\n\r\n" in data
