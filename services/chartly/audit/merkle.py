"""The Merkle tree of an append-only log (RFC 6962, section 2.1), kept as the roots of its complete subtrees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()


def hash_leaf(leaf: bytes) -> bytes:
    """Return the hash of a leaf, 32 bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two nodes, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class CompactRange:
    """All that is needed to append to a log of `size` leaves and to state its root.

    peaks: roots of the complete subtrees that the log falls into, the largest and leftmost first: one for each bit that
        is set in `size`, so at most 63.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a log of {self.size} leaves has {self.size.bit_count()} peaks, not {len(self.peaks)}")

    def append(self, leaf_hash: bytes) -> CompactRange:
        """Return the range with one more leaf; subtrees of equal size become one."""
        peaks, node, size = list(self.peaks), leaf_hash, self.size
        while size & 1:
            node = hash_children(peaks.pop(), node)
            size >>= 1
        return CompactRange(self.size + 1, (*peaks, node))

    def extend(self, leaf_hashes: Iterable[bytes]) -> CompactRange:
        """Return the range with more leaves, in their order."""
        return reduce(CompactRange.append, leaf_hashes, self)

    @property
    def root(self) -> bytes:
        """The root of the log, 32 bytes; for an empty one the sha256 of nothing."""
        return root_above(self.peaks)


def root_above(peaks: Sequence[bytes]) -> bytes:
    """Return the root of a log from its peaks, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    return reduce(lambda right, left: hash_children(left, right), reversed(peaks))


def split_peaks(joined: bytes) -> tuple[bytes, ...]:
    """Return peaks that were joined to one text of bytes."""
    return tuple(joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES))
