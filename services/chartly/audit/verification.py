"""Checking a copy of the ledger against its own hashes: which entry was changed, dropped or moved first.

Whoever alters the log has to leave something behind. An altered event no longer hashes to its entry's `leaf_hash`; an
altered `leaf_hash` no longer leads to its entry's `root_hash`, the root of the log when that entry was its last; and
altering that too leaves the next entry's, and in the end the head's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from chartly.api.audit.v1.audit_pb2 import Entry, GetTreeHeadResponse
from chartly.audit.leaves import leaf_of
from chartly.audit.merkle import CompactRange, hash_leaf


@dataclass(frozen=True, slots=True)
class Tampering:
    """The first entry that is not as it was appended.

    index: its place in the log, from 0.
    kind: what happened to it.
    detail: how that shows, in a sentence.
    """

    index: int
    kind: Literal["changed", "dropped", "moved"]
    detail: str

    def __str__(self) -> str:
        return f"entry {self.index} was {self.kind}: {self.detail}"


def verify(entries: Iterable[Entry], head: GetTreeHeadResponse) -> Tampering | None:
    """Recompute the tree from the entries and return the first that differs; None if the log is whole.

    Args:
        entries: the whole log, as `ListEntries` answers it page by page; read once, up to the head's size.
        head: what `GetTreeHead` answered before the entries were read.
    """
    log = iter(entries)
    tree = CompactRange()
    for entry in islice(log, head.tree_size):
        leaf_hash = _hash_of(entry)
        longer = tree.append(leaf_hash)
        if entry.index != tree.size:
            return _misplaced(entry, tree.size)
        if leaf_hash.hex() != entry.leaf_hash:
            return _altered(entry, leaf_hash, log)
        if longer.root.hex() != entry.root_hash:
            return _replaced(entry, tree, log)
        tree = longer
    return _against_head(tree, head)


def _misplaced(entry: Entry, expected_index: int) -> Tampering:
    if entry.index > expected_index:
        return Tampering(expected_index, "dropped", f"the log goes on with entry {entry.index}")
    return Tampering(entry.index, "moved", f"it stands where entry {expected_index} should")


def _altered(entry: Entry, leaf_hash: bytes, later: Iterator[Entry]) -> Tampering:
    origin = None
    for other in later:
        if _hash_of(other).hex() == entry.leaf_hash:
            return Tampering(entry.index, "moved", f"its event stands at entry {other.index}")
        if other.leaf_hash == leaf_hash.hex():
            origin = other.index
    if origin is not None:
        return Tampering(entry.index, "dropped", f"the event of entry {origin} stands in its place")
    return Tampering(entry.index, "changed", "its event no longer has the hash that was appended")


def _replaced(entry: Entry, before: CompactRange, later: Iterator[Entry]) -> Tampering:
    for other in later:
        if before.append(_hash_of(other)).root.hex() in (entry.root_hash, other.root_hash):
            return Tampering(entry.index, "moved", f"its event stands at entry {other.index}")
    return Tampering(entry.index, "changed", "with its event, the entries before it do not lead to its root")


def _against_head(tree: CompactRange, head: GetTreeHeadResponse) -> Tampering | None:
    if tree.size < head.tree_size:
        return Tampering(tree.size, "dropped", f"the log ends before it, and the head counts {head.tree_size}")
    if tree.root.hex() != head.root_hash:
        return Tampering(max(tree.size - 1, 0), "changed", "the entries do not lead to the root of the head")
    return None


def _hash_of(entry: Entry) -> bytes:
    return hash_leaf(leaf_of(entry.event))
