"""What every kind of source is: pages in an order, an end, and somebody who watches."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from chartly.api.run.v1 import run_pb2

Format = Literal["json", "ndjson", "csv", "parquet"]
# A page is in memory while it is mapped.
MAX_PAGE_BYTES = 256 << 20


@dataclass(eq=False, slots=True, kw_only=True)
class SourcePage:
    """A page as it came.

    number: of the page in the run, from 1.
    first_record: number of its first record in the page, or in the file that it is a piece of.
    digest: of the raw bytes, `sha256:…`; for a piece of a file that of the whole file.
    media_type: of the raw bytes, which are kept; empty where they are not.
    counted: the number of its records; set by whoever maps it.
    is_awaited: whether the next page cannot be told before this one is counted.
    """

    number: int
    data: bytes
    format: Format
    digest: str
    first_record: int = 1
    media_type: str = ""
    captured_time: datetime | None = None
    is_awaited: bool = False
    counted: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Watch(Protocol):
    """Who hears what a source goes through."""

    def paused(self, until: datetime, why: str) -> None:
        """The source asked to wait."""

    def resumed(self) -> None:
        """The wait is over."""

    def note(self, message: str, **fields: object) -> None:
        """Something worth a line in the run's log."""


class Source(ABC):
    """The records of one run, as pages.

    paging_end, limit: set when the pages have ended without an error.
    size_bytes: of what was read so far, after decompression.
    """

    def __init__(self) -> None:
        self.paging_end = run_pb2.PAGING_END_UNSPECIFIED
        self.limit = ""
        self.size_bytes = 0

    @abstractmethod
    def pages(self) -> AsyncGenerator[SourcePage]:
        """Yield the pages in their order.

        Raises:
            DroneError: the source cannot be read to its end.
        """

    def end_at(self, limit: str = "") -> None:
        """Say that the pages have ended: at a limit, or else because there are no more."""
        self.limit = limit
        self.paging_end = run_pb2.PAGING_END_LIMIT if limit else run_pb2.PAGING_END_EXHAUSTED
