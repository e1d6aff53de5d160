"""The ledger's RPCs on SQLite in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from chartly.api.audit.v1 import audit_pb2 as pb
from chartly.audit.errors import EntryNotFound
from chartly.audit.merkle import CompactRange
from chartly.audit.servicer import AuditServicer
from chartly.audit.store import AuditStore
from chartly.audit.verification import verify
from chartly.runtime.errors import InvalidPageToken
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

DEFAULT: Any = SimpleNamespace(principal=SimpleNamespace(tenant="default"))
OTHER: Any = SimpleNamespace(principal=SimpleNamespace(tenant="other"))


@pytest.fixture
async def store() -> AsyncIterator[AuditStore]:
    async with AuditStore.open("sqlite+aiosqlite://") as opened:
        yield opened


@pytest.fixture
def audit(store: AuditStore) -> AuditServicer:
    return AuditServicer(store)


def an_event(
    name: str, *, seconds: int = 0, tenant: str = "default", actor: str = "key/admin", action: str = "profile.create"
) -> pb.Event:
    return pb.Event(
        event_id=name,
        time=Timestamp(seconds=seconds, nanos=5),
        tenant=tenant,
        actor=actor,
        action=action,
        resource=f"profiles/{name}",
        outcome="OK",
    )


async def append(audit: AuditServicer, *events: pb.Event) -> list[int]:
    return list((await audit.AppendEntries(pb.AppendEntriesRequest(events=events), DEFAULT)).indexes)


async def listed(audit: AuditServicer, request: pb.ListEntriesRequest | None = None) -> list[pb.Entry]:
    return list((await audit.ListEntries(request or pb.ListEntriesRequest(), DEFAULT)).entries)


async def head_of(audit: AuditServicer) -> pb.GetTreeHeadResponse:
    return await audit.GetTreeHead(pb.GetTreeHeadRequest(), DEFAULT)


async def test_entries_come_back_as_they_went_in(audit: AuditServicer) -> None:
    events = [an_event(f"e{number}", seconds=number) for number in range(5)]
    assert await append(audit, *events) == [0, 1, 2, 3, 4]
    entries = await listed(audit)
    assert [entry.event for entry in entries] == events
    assert verify(entries, await head_of(audit)) is None


async def test_an_event_is_appended_once(audit: AuditServicer) -> None:
    assert await append(audit, an_event("a"), an_event("b")) == [0, 1]
    assert await append(audit, an_event("c"), an_event("a"), an_event("c")) == [2, 0, 2]
    assert (await head_of(audit)).tree_size == 3


async def test_root_goes_on_from_append_to_append(audit: AuditServicer) -> None:
    for number in range(9):
        await append(audit, an_event(f"e{number}"))
    hashes = [bytes.fromhex(entry.leaf_hash) for entry in await listed(audit)]
    assert (await head_of(audit)).root_hash == CompactRange().extend(hashes).root.hex()


async def test_head_of_an_empty_log(audit: AuditServicer) -> None:
    assert await head_of(audit) == pb.GetTreeHeadResponse(tree_size=0, root_hash=CompactRange().root.hex())


async def test_pages_hold_every_entry_once(audit: AuditServicer) -> None:
    await append(audit, *(an_event(f"e{number}") for number in range(7)))
    request, seen = pb.ListEntriesRequest(page_size=3), []
    for _ in range(3):
        page = await audit.ListEntries(request, DEFAULT)
        seen += [entry.index for entry in page.entries]
        request.page_token = page.next_page_token
    assert not request.page_token
    assert seen == list(range(7))


async def test_a_page_token_holds_for_its_filter_only(audit: AuditServicer) -> None:
    await append(audit, an_event("a"), an_event("b"))
    token = (await audit.ListEntries(pb.ListEntriesRequest(page_size=1), DEFAULT)).next_page_token
    with pytest.raises(InvalidPageToken):
        await listed(audit, pb.ListEntriesRequest(page_size=1, page_token=token, actor="key/admin"))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (pb.ListEntriesRequest(actor="anonymous"), ["b"]),
        (pb.ListEntriesRequest(action="key.create"), ["c"]),
        (pb.ListEntriesRequest(resource="profiles/a"), ["a"]),
        (pb.ListEntriesRequest(start_time=Timestamp(seconds=2, nanos=5)), ["b", "c"]),
        (pb.ListEntriesRequest(end_time=Timestamp(seconds=2, nanos=5)), ["a"]),
        (pb.ListEntriesRequest(actor="anonymous", action="key.create"), []),
        (pb.ListEntriesRequest(end_time=Timestamp(seconds=253402300799)), ["a", "b", "c"]),
        (pb.ListEntriesRequest(start_time=Timestamp(seconds=-62135596800)), ["a", "b", "c"]),
    ],
)
async def test_filters(audit: AuditServicer, wanted: pb.ListEntriesRequest, found: list[str]) -> None:
    await append(
        audit,
        an_event("a", seconds=1),
        an_event("b", seconds=2, actor="anonymous"),
        an_event("c", seconds=3, action="key.create"),
    )
    assert [entry.event.event_id for entry in await listed(audit, wanted)] == found


async def test_each_tenant_has_a_log_of_its_own(audit: AuditServicer) -> None:
    assert await append(audit, an_event("a"), an_event("x", tenant="other"), an_event("b")) == [0, 0, 1]
    assert [entry.event.event_id for entry in await listed(audit)] == ["a", "b"]
    other = (await audit.ListEntries(pb.ListEntriesRequest(), OTHER)).entries
    assert [entry.event.event_id for entry in other] == ["x"]


async def test_an_entry_is_answered_by_its_index(audit: AuditServicer) -> None:
    await append(audit, an_event("a"), an_event("b"))
    answer = await audit.GetEntry(pb.GetEntryRequest(index=1), DEFAULT)
    assert answer.entry == (await listed(audit))[1]
    with pytest.raises(EntryNotFound, match="no entry 2"):
        await audit.GetEntry(pb.GetEntryRequest(index=2), DEFAULT)


@pytest.mark.parametrize("table", ["entries", "tree"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET entry_index = entry_index + 9"])
async def test_tables_refuse_changes(store: AuditStore, audit: AuditServicer, table: str, change: str) -> None:
    await append(audit, an_event("a"))
    with pytest.raises(IntegrityError, match="the ledger is append-only"):
        async with store.database.transaction() as transaction:
            await transaction.execute(text(change.format(table)))
    assert (await head_of(audit)).tree_size == 1


TAMPERINGS = {
    "changed": ["UPDATE entries SET leaf = replace(leaf, 'admin', 'nobody') WHERE entry_index = 3"],
    "changed beyond reading": ["UPDATE entries SET leaf = x'00' WHERE entry_index = 3"],
    "changed in the tree": ["UPDATE tree SET leaf_hash = zeroblob(32) WHERE entry_index = 3"],
    "dropped": ["DELETE FROM entries WHERE entry_index = 3"],
    "dropped with its hash": [f"DELETE FROM {table} WHERE entry_index = 3" for table in ("entries", "tree")],
    "moved": [
        f"UPDATE {table} SET entry_index = {new} WHERE entry_index = {old}"
        for table in ("entries",)
        for old, new in ((3, 99), (5, 3), (99, 5))
    ],
    "moved with its hash": [
        f"UPDATE {table} SET entry_index = {new} WHERE entry_index = {old}"
        for table in ("entries", "tree")
        for old, new in ((3, 99), (5, 3), (99, 5))
    ],
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_whoever_gets_past_the_triggers_is_found(store: AuditStore, audit: AuditServicer, tampering: str) -> None:
    await append(audit, *(an_event(f"e{number}") for number in range(8)))
    async with store.database.transaction() as transaction:
        for table in ("entries", "tree"):
            for change in ("update", "delete"):
                await transaction.execute(text(f"DROP TRIGGER {table}_refuse_{change}"))
        for statement in TAMPERINGS[tampering]:
            await transaction.execute(text(statement))
    found = verify(await listed(audit), await head_of(audit))
    assert found is not None
    assert (found.index, found.kind) == (3, tampering.split(maxsplit=1)[0])
    assert str(found).startswith(f"entry 3 was {found.kind}: ")


async def test_entries_cut_off_at_the_end_are_found(store: AuditStore, audit: AuditServicer) -> None:
    await append(audit, *(an_event(f"e{number}") for number in range(8)))
    async with store.database.transaction() as transaction:
        await transaction.execute(text("DROP TRIGGER entries_refuse_delete"))
        await transaction.execute(text("DELETE FROM entries WHERE entry_index >= 6"))
    found = verify(await listed(audit), await head_of(audit))
    assert found is not None
    assert (found.index, found.kind) == (6, "dropped")
