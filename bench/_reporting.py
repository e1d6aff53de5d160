"""How a benchmark says what it found: a table for people, then one JSON line for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column is text and whose others are figures."""
    lines = [columns, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for first, *others in lines:
        figures = (text.rjust(width) for text, width in zip(others, widths[1:], strict=True))
        print("  ".join([first.ljust(widths[0]), *figures]))


def show_result(bench: str, *, ours: float, peer: float, unit: str, peer_name: str) -> None:
    """Print the line that programs read; its ratio is above 1 where we are ahead: with a greater rate, a smaller time or size."""
    is_rate = unit.endswith("/s")
    result = {
        "bench": bench,
        "ours": round(ours, 4),
        "peer": round(peer, 4),
        "ratio": round(ours / peer if is_rate else peer / ours, 4),
        "unit": unit,
        "peer_name": peer_name,
    }
    print(json.dumps(result))
