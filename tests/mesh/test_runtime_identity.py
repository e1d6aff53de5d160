"""How a service finds out from auth who calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import grpc
import pytest
from chartly import runtime
from chartly.api.auth.v1 import auth_pb2, auth_pb2_grpc
from chartly.runtime import identity
from chartly.runtime.errors import ServiceUnavailable, Unauthenticated
from chartly.runtime.identity import AuthIdentities
from grpc import StatusCode


class AuthSettings(runtime.ServiceSettings):
    service: ClassVar[str] = "auth"
    port: int = 0


class Auth(auth_pb2_grpc.AuthServiceServicer):
    """Knows one key and remembers what it was asked, and by whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.seconds: list[float] = []
        self.called, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()

    async def Introspect(self, request: Any, context: runtime.Context) -> Any:  # noqa: N802
        self.asked.append((request.secret, context.metadata.get("authorization", "")))
        self.seconds.append(context.time_remaining())
        self.called.set()
        await self.answers.wait()
        if request.secret not in ("", "chk_known"):
            raise Unauthenticated("unknown")
        name = "key/known" if request.secret else "anonymous"
        return auth_pb2.IntrospectResponse(
            key_id="k-1" if request.secret else "",
            principal=name,
            tenant="default",
            roles=["viewer"],
            permissions=["a.b.read"],
        )

    async def ListKeys(self, request: Any, context: runtime.Context) -> Any:  # noqa: N802
        return auth_pb2.ListKeysResponse()

    CreateKey = RevokeKey = ListKeys


async def admits(secret: str) -> runtime.Principal:
    return runtime.Principal("k", "key/service", "default", frozenset(), frozenset({"auth.keys.introspect"}))


@pytest.fixture
async def auth(tmp_path: Any, migrations: Any) -> AsyncIterator[tuple[Auth, AuthSettings]]:
    settings = AuthSettings(data_dir=tmp_path, audit_url="127.0.0.1:1", drain_seconds=0)
    async with (
        runtime.Database.open(settings.database_url, migrations=migrations) as database,
        runtime.Clients(settings) as clients,
    ):
        servicer = Auth()
        server = runtime.Server(settings, clients=clients, outbox=runtime.Outbox(database, clients), identify=admits)
        server.add(servicer)
        (tmp_path / "own.key").write_text("chk_own\n")
        port = await server.start()
        yield (
            servicer,
            settings.model_copy(update={"auth_url": f"127.0.0.1:{port}", "api_key_file": tmp_path / "own.key"}),
        )
        await server.stop()


@pytest.fixture
async def identities(auth: tuple[Auth, AuthSettings]) -> AsyncIterator[AuthIdentities]:
    async with runtime.Clients(auth[1]) as clients:
        yield AuthIdentities(clients)


async def test_auth_is_asked_once_for_all_who_wait(auth: tuple[Auth, AuthSettings], identities: AuthIdentities) -> None:
    principals = await asyncio.gather(*(identities("chk_known") for _ in range(20)))
    assert set(principals) == {
        runtime.Principal("k-1", "key/known", "default", frozenset({"viewer"}), frozenset({"a.b.read"}))
    }
    assert (await identities("")).anonymous
    assert auth[0].asked == [("chk_known", "Bearer chk_own"), ("", "Bearer chk_own")]


async def test_a_refusal_is_kept_too(auth: tuple[Auth, AuthSettings], identities: AuthIdentities) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await identities("chk_other")
    assert len(auth[0].asked) == 1


async def test_an_answer_is_kept_no_longer_than_it_may_be(
    auth: tuple[Auth, AuthSettings], identities: AuthIdentities, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert identity.KEPT_SECONDS == 10
    await identities("chk_known")
    later = asyncio.get_running_loop().time() + 10
    monkeypatch.setattr(identity, "_now", lambda: later)
    await identities("chk_known")
    assert len(auth[0].asked) == 2


async def test_few_answers_are_kept(identities: AuthIdentities, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "KEPT_ANSWERS", 2)
    for secret in ("", "chk_known", "chk_1", "chk_2"):
        await asyncio.gather(identities(secret), return_exceptions=True)
    assert list(identities._answers) == ["chk_1", "chk_2"]


async def test_auth_that_is_away_is_unavailable_and_asked_again(tmp_path: Any, auth: tuple[Auth, AuthSettings]) -> None:
    away = auth[1].model_copy(update={"auth_url": "127.0.0.1:1"})
    async with runtime.Clients(away) as clients:
        identities = AuthIdentities(clients)
        with pytest.raises(ServiceUnavailable) as caught:
            await identities("chk_known")
        assert caught.value.code is StatusCode.UNAVAILABLE
        identities._clients = runtime.Clients(auth[1])
        assert (await identities("chk_known")).name == "key/known"
        await identities._clients.close()


async def test_a_key_file_that_is_not_there_yet_is_read_when_it_is(
    auth: tuple[Auth, AuthSettings], tmp_path: Any
) -> None:
    late = tmp_path / "late.key"
    async with runtime.Clients(auth[1].model_copy(update={"api_key_file": late})) as clients:
        identities = AuthIdentities(clients)
        with pytest.raises(ServiceUnavailable):
            await identities("chk_known")
        late.write_text("chk_late\n")
        await identities("chk_known")
    assert auth[0].asked == [("chk_known", "Bearer chk_late")]


async def test_a_caller_who_leaves_does_not_take_the_answer_from_others(
    auth: tuple[Auth, AuthSettings], identities: AuthIdentities
) -> None:
    first = asyncio.create_task(identities("chk_known"))
    await asyncio.sleep(0)
    second = asyncio.create_task(identities("chk_known"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).name == "key/known"
    assert len(auth[0].asked) == 1


async def test_a_callers_short_deadline_does_not_cut_the_answer_for_others(
    start: Any, auth: tuple[Auth, AuthSettings]
) -> None:
    arrived: list[float] = []

    async def identify(secret: str) -> runtime.Principal:
        arrived.append(0)
        principal: runtime.Principal = await identities(secret)
        return principal

    probe = await start(identify=identify)
    async with runtime.Clients(auth[1]) as clients:
        identities = AuthIdentities(clients)
        auth[0].answers.clear()
        hasty = asyncio.ensure_future(probe.stub().Read(probe.contract.thing(), timeout=0.2))
        await auth[0].called.wait()
        patient = asyncio.ensure_future(error_code(probe.stub().Read(probe.contract.thing())))
        assert await error_code(hasty) is StatusCode.DEADLINE_EXCEEDED
        auth[0].answers.set()
        assert await patient is StatusCode.PERMISSION_DENIED
    assert (len(arrived), len(auth[0].asked)) == (2, 1)
    assert 4 < auth[0].seconds[0] <= 5.1


async def error_code(call: Any) -> StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()
