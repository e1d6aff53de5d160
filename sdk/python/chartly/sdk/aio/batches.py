"""Rows of a dataset as Arrow batches, the last of which says that all came. Needs pyarrow."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from chartly.sdk.aio.bodies import Body
from chartly.sdk.aio.bridge import ChunkFile, in_thread
from chartly.sdk.rows import check_marker, cut

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_BUFFER_BYTES = 1 << 20


class Batches:
    """Record batches as they come. Iterate it, or take all at once; it can be read once."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._reader: Any = None
        #: Rows that came so far.
        self.row_count = 0

    async def schema(self) -> pa.Schema:
        """Return the schema; field metadata have kind, unit and description."""
        return (await self._opened()).schema

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        reader = await self._opened()
        while (batch := await in_thread(self._next, reader)) is not None:
            self.row_count += batch.num_rows
            yield batch

    async def to_table(self) -> pa.Table:
        """Return all rows as an Arrow table."""
        import pyarrow as pa

        return pa.Table.from_batches([batch async for batch in self], await self.schema())

    async def to_pandas(self, **options: Any) -> pd.DataFrame:
        """Return all rows as a pandas frame; the options are those of `pyarrow.Table.to_pandas`. Needs pandas."""
        return (await self.to_table()).to_pandas(**options)

    async def to_polars(self) -> pl.DataFrame:
        """Return all rows as a polars frame. Needs polars."""
        import polars as pl

        return pl.DataFrame(await self.to_table())

    def cancel(self) -> None:
        """End the reading."""
        self._body.cancel()

    async def __aenter__(self) -> Batches:
        return self

    async def __aexit__(self, *problem: object) -> None:
        self.cancel()

    async def _opened(self) -> Any:
        if self._reader is None:
            file = io.BufferedReader(ChunkFile(aiter(self._body)), _BUFFER_BYTES)
            self._reader = await in_thread(self._open, file)
        return self._reader

    def _open(self, file: Any) -> Any:
        import pyarrow as pa

        try:
            return pa.ipc.open_stream(file)
        except (pa.ArrowInvalid, OSError):
            raise self._cut() from None

    def _next(self, reader: Any) -> pa.RecordBatch | None:
        """Return the next batch with rows; None behind the marker of the end."""
        import pyarrow as pa

        try:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
        except (StopIteration, pa.ArrowInvalid, OSError):
            raise self._cut() from None
        if not metadata:
            return batch
        markers = {key.decode().removeprefix("chartly."): json.loads(value) for key, value in metadata.items()}
        check_marker(markers, self.row_count, self._body.stream.request_id)
        return None

    def _cut(self) -> Exception:
        return cut(self.row_count, self._body.stream.request_id)
