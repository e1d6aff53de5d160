"""One ledger entry for each call of a LEAF method, however it ends, and each delivered once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import grpc
import pytest
from chartly import runtime
from chartly.api.audit.v1 import audit_pb2, audit_pb2_grpc
from chartly.runtime import boundary
from chartly.runtime.errors import InvalidPageToken
from sqlalchemy import text

WRITER = [("authorization", "Bearer chk_writer")]
COUNT_UP = text("UPDATE counter SET value = value + 1")


async def entries(database: runtime.Database) -> list[Any]:
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT event FROM outbox ORDER BY tenant, sequence"))
        return [audit_pb2.Event.FromString(row.event) for row in rows]


async def value(database: runtime.Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text("SELECT value FROM counter"))).scalar_one())


async def failed(call: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await call


async def test_the_entry_is_part_of_the_calls_transaction(start: Any) -> None:
    async def writes(request: Any, context: runtime.Context) -> Any:
        async with probe.database.transaction() as transaction:
            await transaction.execute(COUNT_UP)
        async with probe.database.transaction() as transaction:
            await transaction.execute(COUNT_UP)
        stored.extend(await entries(probe.database))
        return request

    stored: list[Any] = []
    probe = await start(Write=writes)
    thing = probe.contract.thing("x")
    await probe.stub().Write(thing, metadata=WRITER)
    (entry,) = await entries(probe.database)
    assert stored == [entry]
    assert (entry.tenant, entry.actor, entry.action) == ("default", "key/writer", "thing.write")
    assert (entry.resource, entry.outcome) == ("things/x", "OK")
    assert entry.request_digest == "sha256:" + hashlib.sha256(thing.SerializeToString()).hexdigest()
    assert len(entry.event_id) == 36
    assert entry.time.ToSeconds() > 1_700_000_000
    assert entry.request_id != ""


@pytest.mark.parametrize(
    ("key", "name", "outcome", "actor"),
    [
        ("Bearer chk_other", "x", "UNAUTHENTICATED", "unidentified"),
        ("Bearer chk_reader", "x", "PERMISSION_DENIED", "key/reader"),
        ("Bearer chk_writer", "", "INVALID_ARGUMENT", "key/writer"),
    ],
)
async def test_a_refused_call_leaves_an_entry(start: Any, key: str, name: str, outcome: str, actor: str) -> None:
    probe = await start()
    await failed(probe.stub().Write(probe.contract.thing(name), metadata=[("authorization", key)]))
    (entry,) = await entries(probe.database)
    assert (entry.outcome, entry.actor, entry.resource) == (outcome, actor, f"things/{name}")


async def test_a_call_whose_transaction_fails_leaves_an_entry_and_no_effect(start: Any) -> None:
    async def writes(request: Any, context: runtime.Context) -> Any:
        async with probe.database.transaction() as transaction:
            await transaction.execute(COUNT_UP)
            raise InvalidPageToken

    probe = await start(Write=writes)
    await failed(probe.stub().Write(probe.contract.thing(), metadata=WRITER))
    (entry,) = await entries(probe.database)
    assert (entry.outcome, await value(probe.database)) == ("INVALID_ARGUMENT", 0)


async def test_a_call_that_fails_after_its_effect_keeps_the_effects_entry(start: Any) -> None:
    async def writes(request: Any, context: runtime.Context) -> Any:
        async with probe.database.transaction() as transaction:
            await transaction.execute(COUNT_UP)
        raise InvalidPageToken

    probe = await start(Write=writes)
    await failed(probe.stub().Write(probe.contract.thing(), metadata=WRITER))
    (entry,) = await entries(probe.database)
    assert (entry.outcome, await value(probe.database)) == ("OK", 1)


async def test_a_call_whose_commit_fails_leaves_an_entry_by_the_next(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[str] = []

    def fail_the_first(kind: str, name: str, when: str) -> None:
        if (kind, when) == ("database", "before"):
            commits.append(name)
            if len(commits) == 1:
                raise OSError(28, "No space left on device")

    async def writes(request: Any, context: runtime.Context) -> Any:
        async with probe.database.transaction() as transaction:
            await transaction.execute(COUNT_UP)
        return request

    probe = await start(Write=writes)
    monkeypatch.setattr(boundary._told, "hook", fail_the_first)
    await failed(probe.stub().Write(probe.contract.thing(), metadata=WRITER))
    (entry,) = await entries(probe.database)
    assert (entry.outcome, await value(probe.database)) == ("INTERNAL", 0)


async def test_a_call_without_a_transaction_leaves_an_entry(start: Any) -> None:
    async def names(request: Any, context: runtime.Context) -> Any:
        context.audit_resource("things/known-now")
        return request

    probe = await start(Write=names)
    await probe.stub().Write(probe.contract.thing(), metadata=WRITER)
    (entry,) = await entries(probe.database)
    assert (entry.outcome, entry.resource) == ("OK", "things/known-now")


async def test_a_call_whose_caller_leaves_leaves_an_entry(start: Any) -> None:
    arrived = asyncio.Event()

    async def waits(request: Any, context: runtime.Context) -> Any:
        async with probe.database.transaction() as transaction:
            await transaction.execute(COUNT_UP)
            arrived.set()
            await asyncio.Event().wait()

    probe = await start(Write=waits)
    call = probe.stub().Write(probe.contract.thing("x"), metadata=WRITER)
    waiting = asyncio.ensure_future(call)
    await arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(probe.database.entries_waiting.wait(), timeout=5)
    (entry,) = await entries(probe.database)
    assert (entry.outcome, entry.resource, await value(probe.database)) == ("CANCELLED", "things/x", 0)


async def test_a_streams_first_message_names_the_resource(start: Any) -> None:
    probe = await start()
    things = [probe.contract.thing("first"), probe.contract.thing("second")]
    await probe.stub().Send(iter(things), metadata=WRITER)
    (entry,) = await entries(probe.database)
    assert (entry.resource, entry.action, entry.request_digest) == ("things/first", "thing.send", "")


async def test_reads_leave_no_entry(start: Any) -> None:
    probe = await start()
    await probe.stub().Read(probe.contract.thing())
    await failed(probe.stub().Read(probe.contract.thing("")))
    assert await entries(probe.database) == []


async def test_a_body_may_carry_the_entry_with_an_effect_elsewhere(start: Any) -> None:
    carried: list[Any] = []

    async def commits(request: Any, context: runtime.Context) -> Any:
        carried.append(context.carry_audit_event())
        async with probe.database.transaction() as transaction:
            await transaction.execute(COUNT_UP)
        if request.name == "bad":
            raise InvalidPageToken
        return request

    probe = await start(Write=commits)
    await probe.stub().Write(probe.contract.thing("good"), metadata=WRITER)
    assert await entries(probe.database) == []
    await failed(probe.stub().Write(probe.contract.thing("bad"), metadata=WRITER))
    (entry,) = await entries(probe.database)
    assert [event.outcome for event in carried] == ["OK", "OK"]
    assert (entry.event_id, entry.outcome) == (carried[1].event_id, "INVALID_ARGUMENT")


async def test_concurrent_calls_leave_an_entry_each(start: Any) -> None:
    async def writes(request: Any, context: runtime.Context) -> Any:
        async with probe.database.transaction() as transaction:
            await transaction.execute(COUNT_UP)
        return request

    probe = await start(Write=writes)
    stub = probe.stub()
    await asyncio.gather(*(stub.Write(probe.contract.thing(f"t{n}"), metadata=WRITER) for n in range(200)))
    left = await entries(probe.database)
    assert {entry.resource for entry in left} == {f"things/t{n}" for n in range(200)}
    assert (len(left), len({entry.event_id for entry in left}), await value(probe.database)) == (200, 200, 200)


class AuditSettings(runtime.ServiceSettings):
    service: ClassVar[str] = "audit"
    port: int = 0


class Ledger(audit_pb2_grpc.AuditServiceServicer):
    """Keeps what arrives by its event id, and remembers how often each came."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.entries: dict[str, Any] = {}
        self.fails = False
        self.all_there = asyncio.Event()

    async def AppendEntries(self, request: Any, context: runtime.Context) -> Any:  # noqa: N802
        for event in request.events:
            self.arrived.append(event.event_id)
            self.entries.setdefault(event.event_id, event)
        if self.fails:
            raise RuntimeError("died before it answered")
        if len(self.entries) >= 3:
            self.all_there.set()
        return audit_pb2.AppendEntriesResponse(indexes=range(len(request.events)))

    async def ListEntries(self, request: Any, context: runtime.Context) -> Any:  # noqa: N802
        return audit_pb2.ListEntriesResponse()

    GetEntry = GetTreeHead = ListEntries


async def admits(secret: str) -> runtime.Principal:
    return runtime.Principal("k", "key/probe", "default", frozenset(), frozenset({"audit.entries.append"}))


@pytest.fixture
async def ledger(tmp_path: Any) -> AsyncIterator[tuple[Ledger, str]]:
    settings = AuditSettings(data_dir=tmp_path, drain_seconds=0)
    async with runtime.Clients(settings) as clients:
        server, servicer = runtime.Server(settings, clients=clients, identify=admits), Ledger()
        server.add(servicer)
        yield servicer, f"127.0.0.1:{await server.start()}"
        await server.stop()


async def test_entries_are_delivered_in_order_and_removed(start: Any, ledger: tuple[Ledger, str]) -> None:
    probe = await start(settings={"audit_url": ledger[1]})
    for name in ("a", "b", "c"):
        await probe.stub().Write(probe.contract.thing(name), metadata=WRITER)
    await asyncio.wait_for(ledger[0].all_there.wait(), timeout=10)
    await probe.server.stop()
    assert [entry.resource for entry in ledger[0].entries.values()] == ["things/a", "things/b", "things/c"]


async def test_an_entry_that_is_delivered_twice_is_in_the_ledger_once(start: Any, ledger: tuple[Ledger, str]) -> None:
    probe = await start()
    for name in ("a", "b", "c"):
        await probe.stub().Write(probe.contract.thing(name), metadata=WRITER)
    reachable = probe.settings.model_copy(update={"audit_url": ledger[1]})
    async with runtime.Clients(reachable) as clients:
        outbox = runtime.Outbox(probe.database, clients)
        ledger[0].fails = True
        await failed(outbox.deliver())
        assert len(await entries(probe.database)) == 3
        ledger[0].fails = False
        assert await outbox.deliver() == 3
        assert await outbox.deliver() == 0
    assert await entries(probe.database) == []
    assert (len(ledger[0].arrived), len(ledger[0].entries)) == (6, 3)


async def test_an_event_is_in_the_outbox_once(start: Any) -> None:
    probe = await start()
    event = audit_pb2.Event(event_id="e-1", tenant="default", actor="a", action="b.c", resource="d", outcome="OK")
    for _ in range(2):
        async with probe.database.transaction() as transaction:
            await transaction.audit(event)
            await transaction.audit(event)
    assert await entries(probe.database) == [event]
