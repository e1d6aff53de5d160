"""DuckDB as storage uses it: in memory, within bounds, in UTC. Imported at first use, because it costs an idle process memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Engine:
    """What a query may use."""

    spill: Path
    """Folder for what does not fit into memory."""
    memory_limit_bytes: int
    threads: int

    @contextmanager
    def connect(self) -> Iterator[DuckDBPyConnection]:
        """Open a connection of its own, which no other thread uses at the same time."""
        import duckdb

        self.spill.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(
            config={
                "memory_limit": f"{self.memory_limit_bytes}B",
                "threads": self.threads,
                "temp_directory": str(self.spill),
                "enable_external_file_cache": False,
                "autoinstall_known_extensions": False,
            }
        ) as sql:
            sql.execute("SET TimeZone = 'UTC'")
            yield sql
