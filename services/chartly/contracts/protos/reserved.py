"""Numbers and names that a message or an enum reserves."""

from __future__ import annotations

from collections.abc import Iterator

from chartly.contracts.protos.advice import finding
from chartly.contracts.protos.model import Enum, Message
from chartly.contracts.report import Finding, Layer


def reserves_number(place: Message | Enum, number: int) -> bool:
    """Return whether a number is reserved."""
    return any(low <= number <= high for low, high in _ranges(place))


def reserved_changes(rule: str, old: Message | Enum, new: Message | Enum) -> Iterator[Finding]:
    """Yield what is not reserved any more: for numbers the wire may be misread, for names JSON."""
    for low, high in _ranges(old):
        if not _covered(low, high, _ranges(new)):
            text = f"number {low}" if low == high else f"some of numbers {low} to {high}"
            yield finding(rule, old.name, f"{text} is not reserved any more", Layer.WIRE, backward=True)
    for name in old.proto.reserved_name:
        if name not in new.proto.reserved_name:
            yield finding(rule, old.name, f'name "{name}" is not reserved any more', Layer.JSON, backward=True)


def _ranges(place: Message | Enum) -> list[tuple[int, int]]:
    last = 1 if isinstance(place, Message) else 0  # a message's range ends before its end
    return [(one.start, one.end - last) for one in place.proto.reserved_range]


def _covered(low: int, high: int, ranges: list[tuple[int, int]]) -> bool:
    for start, end in sorted(ranges):
        if start <= low <= end:
            low = end + 1
    return low > high
