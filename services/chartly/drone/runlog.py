"""The log of one attempt: NDJSON lines, capped, without the values of secrets. It becomes the run's log artifact."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

MAX_BYTES = 512 << 10
MEDIA_TYPE = "application/x-ndjson"


class RunLog:
    """Lines of time, level, message and fields; what comes beyond MAX_BYTES is counted and left out."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._lines: list[bytes] = []
        self._size_bytes = self._left_out = 0

    def info(self, message: str, **fields: object) -> None:
        """Add a line of what happens."""
        self._add("info", message, fields)

    def warning(self, message: str, **fields: object) -> None:
        """Add a line of what goes less well."""
        self._add("warning", message, fields)

    def error(self, message: str, **fields: object) -> None:
        """Add a line of what ends the attempt."""
        self._add("error", message, fields)

    def content(self) -> bytes:
        """Return the lines so far."""
        if not self._left_out:
            return b"".join(self._lines)
        return b"".join([*self._lines, self._line("warning", f"{self._left_out} more lines were left out", {})])

    def _add(self, level: str, message: str, fields: dict[str, object]) -> None:
        line = self._line(level, message, fields)
        if self._size_bytes + len(line) > MAX_BYTES:
            self._left_out += 1
            return
        self._lines.append(line)
        self._size_bytes += len(line)

    def _line(self, level: str, message: str, fields: dict[str, object]) -> bytes:
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"time": time, "level": level, "message": message, **({"fields": fields} if fields else {})}
        return (self._redact(json.dumps(record, ensure_ascii=False, default=str)) + "\n").encode()
