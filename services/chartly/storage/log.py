"""Reading a Delta table's log: what each version says of itself. Plain JSON, so that an idle service loads no engine.

The entries are never cleaned up (`delta.enableExpiredLogCleanup` is off), because they are the truth that the projection
is made from: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#delta-log-entries
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

COMMIT = "chartly"


@dataclass(frozen=True)
class Entry:
    """One version of a Delta table, as its log has it."""

    version: int
    commit: Mapping[str, Any] | None
    """What CommitRun put into the commit's metadata; None for a version that it did not make."""
    delta_schema: str
    """The table's schema, Delta's JSON, where this version sets it; else empty."""
    added: Mapping[str, int]
    """Sizes in bytes of the files that join the table, by name."""
    removed: Mapping[str, int]
    """Sizes in bytes of the files that leave it, by name."""


def file_of(table: Path, version: int) -> Path:
    """The file that holds the log's entry of a version."""
    return table / "_delta_log" / f"{version:020d}.json"


def read(table: Path, *, after: int, up_to: float = math.inf) -> list[Entry]:
    """Return the entries of the versions after `after`, in order, up to `up_to` or the latest; -1 comes before all."""
    entries: list[Entry] = []
    while after + len(entries) < up_to and (path := file_of(table, after + 1 + len(entries))).exists():
        actions = [json.loads(line) for line in path.read_text().splitlines() if line]
        entries.append(_entry(after + 1 + len(entries), actions))
    return entries


def _entry(version: int, actions: list[dict[str, Any]]) -> Entry:
    def all_of(kind: str) -> list[dict[str, Any]]:
        return [action[kind] for action in actions if kind in action]

    info = all_of("commitInfo")
    metadata = all_of("metaData")
    return Entry(
        version=version,
        commit=info[0].get(COMMIT) if info else None,
        delta_schema=metadata[-1]["schemaString"] if metadata else "",
        added={unquote(add["path"]): add["size"] for add in all_of("add")},
        removed={unquote(remove["path"]): remove.get("size") or 0 for remove in all_of("remove")},
    )
