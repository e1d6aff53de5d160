"""Laws of the ledger: its tree is RFC 6962's, its leaves are RFC 8785's, and no single alteration goes unnamed."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import rfc8785
from chartly.api.audit.v1.audit_pb2 import Entry, Event, GetTreeHeadResponse
from chartly.audit.leaves import event_of, leaf_of
from chartly.audit.merkle import CompactRange, hash_leaf, split_peaks
from chartly.audit.verification import verify
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def events(draw: st.DrawFn) -> Event:
    event = Event(
        event_id=draw(TEXT),
        tenant=draw(TEXT),
        actor=draw(TEXT),
        action=draw(TEXT),
        resource=draw(TEXT),
        request_id=draw(st.one_of(st.just(""), TEXT)),
        outcome="OK",
    )
    event.time.FromMicroseconds(draw(st.integers(0, 4_102_444_800_000_000)))
    return event


def merkle_tree_hash(leaves: Sequence[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    left, right = merkle_tree_hash(leaves[:k]), merkle_tree_hash(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def log_of(appended: Sequence[Event]) -> tuple[list[Entry], GetTreeHeadResponse]:
    tree, entries = CompactRange(), []
    for index, event in enumerate(appended):
        leaf_hash = hash_leaf(leaf_of(event))
        tree = tree.append(leaf_hash)
        entries.append(Entry(index=index, event=event, leaf_hash=leaf_hash.hex(), root_hash=tree.root.hex()))
    return entries, GetTreeHeadResponse(tree_size=tree.size, root_hash=tree.root.hex())


LOGS = st.lists(events(), min_size=1, max_size=20, unique_by=lambda event: event.event_id).map(log_of)


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_incremental_root_is_the_recursive_definition(leaves: list[bytes]) -> None:
    assert CompactRange().extend(map(hash_leaf, leaves)).root == merkle_tree_hash(leaves)


@given(st.lists(st.binary(max_size=8), max_size=70), st.integers(0, 70))
def test_a_range_goes_on_from_what_was_stored_of_it(leaves: list[bytes], split: int) -> None:
    hashes = [hash_leaf(leaf) for leaf in leaves]
    first = CompactRange().extend(hashes[:split])
    stored = CompactRange(first.size, split_peaks(b"".join(first.peaks)))
    assert stored.extend(hashes[split:]) == CompactRange().extend(hashes)


@given(events())
def test_leaf_is_the_canonical_json_of_the_event(event: Event) -> None:
    assert leaf_of(event) == rfc8785.dumps(MessageToDict(event, preserving_proto_field_name=True))
    assert event_of(leaf_of(event)) == event


@given(LOGS)
def test_a_log_that_nobody_touched_is_whole(log: tuple[list[Entry], GetTreeHeadResponse]) -> None:
    assert verify(*log) is None


@given(LOGS, st.data())
def test_a_changed_entry_is_named(log: tuple[list[Entry], GetTreeHeadResponse], data: st.DataObject) -> None:
    entries, head = log
    index = data.draw(st.integers(0, len(entries) - 1))
    entries[index].event.actor += "x"
    if data.draw(st.booleans(), label="the leaf hash is forged too"):
        entries[index].leaf_hash = hash_leaf(leaf_of(entries[index].event)).hex()
    found = verify(entries, head)
    assert found is not None
    assert (found.index, found.kind) == (index, "changed")


@given(LOGS, st.data())
def test_a_dropped_entry_is_named(log: tuple[list[Entry], GetTreeHeadResponse], data: st.DataObject) -> None:
    entries, head = log
    index = data.draw(st.integers(0, len(entries) - 1))
    del entries[index]
    found = verify(entries, head)
    assert found is not None
    assert (found.index, found.kind) == (index, "dropped")


@given(LOGS.filter(lambda log: len(log[0]) > 2), st.data())
def test_a_dropped_event_whose_place_is_taken_by_the_later_ones_is_named(
    log: tuple[list[Entry], GetTreeHeadResponse], data: st.DataObject
) -> None:
    entries, head = log
    index = data.draw(st.integers(0, len(entries) - 3))
    for entry, later in pairwise(entries[index:]):
        entry.event.CopyFrom(later.event)
    del entries[-1]
    found = verify(entries, head)
    assert found is not None
    assert (found.index, found.kind) == (index, "dropped")


@given(LOGS.filter(lambda log: len(log[0]) > 1), st.data())
def test_a_moved_entry_is_named(log: tuple[list[Entry], GetTreeHeadResponse], data: st.DataObject) -> None:
    entries, head = log
    pair = st.lists(st.integers(0, len(entries) - 1), min_size=2, max_size=2, unique=True)
    first, second = sorted(data.draw(pair))
    taken = data.draw(st.sampled_from([("event",), ("event", "leaf_hash"), ("event", "leaf_hash", "root_hash")]))
    entries[first], entries[second] = entries[second], entries[first]
    entries[first].index, entries[second].index = first, second
    for name in {"leaf_hash", "root_hash"} - set(taken):
        left, right = getattr(entries[first], name), getattr(entries[second], name)
        setattr(entries[first], name, right)
        setattr(entries[second], name, left)
    found = verify(entries, head)
    assert found is not None
    assert (found.index, found.kind) == (first, "moved")


@given(LOGS)
def test_a_log_that_lost_its_end_is_named(log: tuple[list[Entry], GetTreeHeadResponse]) -> None:
    entries, head = log
    found = verify(entries[:0], head)
    assert found is not None
    assert (found.index, found.kind) == (0, "dropped")


@given(LOGS)
def test_entries_after_the_head_are_no_tampering(log: tuple[list[Entry], GetTreeHeadResponse]) -> None:
    entries, head = log
    assert verify(entries, GetTreeHeadResponse(tree_size=1, root_hash=entries[0].root_hash)) is None
    assert verify(entries, GetTreeHeadResponse(tree_size=0, root_hash=CompactRange().root.hex())) is None
    assert head.tree_size == len(entries)
