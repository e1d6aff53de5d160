"""The arithmetic of a receipt: what became of every record of a run."""

from __future__ import annotations

from chartly.engine.errors import ReceiptMismatch


def adds_up(*, extracted: int, delivered: int, deduplicated: int, quarantined: int, filtered: int) -> bool:
    """Return whether every extracted record is accounted for once, and no count is negative."""
    parts = (delivered, deduplicated, quarantined, filtered)
    return extracted == sum(parts) and min(parts) >= 0


def check_adds_up(*, extracted: int, delivered: int, deduplicated: int, quarantined: int, filtered: int) -> None:
    """Refuse counts that leave a record out or count one twice.

    Raises:
        ReceiptMismatch: extracted is not delivered + deduplicated + quarantined + filtered.
    """
    counts = {"delivered": delivered, "deduplicated": deduplicated, "quarantined": quarantined, "filtered": filtered}
    if not adds_up(extracted=extracted, **counts):
        parts = " + ".join(f"{count} {name}" for name, count in counts.items())
        raise ReceiptMismatch(f"{extracted} extracted is not {parts}", extracted=extracted, **counts)
