"""Auth's RPCs on SQLite in memory, with a fixed clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from chartly.api.auth.v1 import auth_pb2 as pb
from chartly.auth.config import AuthSettings
from chartly.auth.errors import ExpiryPassed, KeyInvalid, KeyNotFound
from chartly.auth.identities import Identities
from chartly.auth.permissions import declared_permissions
from chartly.auth.roles import Roles
from chartly.auth.servicer import AuthServicer
from chartly.auth.store import AuthStore
from chartly.runtime.errors import InvalidPageToken, KeyMissing, RequestIdReused
from chartly.runtime.identity import Principal
from chartly.runtime.keys import digest_of, generate_secret, key_id_of
from sqlalchemy import text

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Caller:
    """What the servicer reads of a context."""

    def __init__(self, tenant: str = "default") -> None:
        self.principal = Principal("k-admin", "key/admin", tenant, frozenset({"admin"}), frozenset())


ADMIN: Any = Caller()
STRANGER: Any = Caller("other")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store() -> AsyncIterator[AuthStore]:
    async with AuthStore.open("sqlite+aiosqlite://") as opened:
        yield opened


def servicer_of(store: AuthStore, clock: Clock, **settings: Any) -> AuthServicer:
    identities = Identities(store, Roles(declared_permissions()), AuthSettings(**settings), now=clock)
    return AuthServicer(store, identities, now=clock)


@pytest.fixture
def auth(store: AuthStore, clock: Clock) -> AuthServicer:
    return servicer_of(store, clock)


def a_request(
    name: str = "ci", *roles: str, request_id: str = "", lives: timedelta | None = None
) -> pb.CreateKeyRequest:
    request = pb.CreateKeyRequest(name=name, roles=roles or ["viewer"], request_id=request_id)
    if lives is not None:
        request.expire_time.FromDatetime(START + lives)
    return request


async def introspect(auth: AuthServicer, secret: str) -> pb.IntrospectResponse:
    return await auth.Introspect(pb.IntrospectRequest(secret=secret), ADMIN)


def test_a_secret_names_its_key_and_hides_256_bits() -> None:
    secret, other = generate_secret(), generate_secret()
    assert secret != other
    prefix, shown, hidden = secret.split("_")
    assert (prefix, len(shown), len(hidden) * 5 // 8) == ("chk", 12, 32)
    assert key_id_of(secret) == f"k-{shown}"
    assert len(digest_of(secret)) == 64


@pytest.mark.parametrize("text_", ["", "chk_", "chk_abc", generate_secret() + "x", generate_secret().upper()])
def test_what_is_no_secret_names_no_key(text_: str) -> None:
    with pytest.raises(ValueError, match="form chk_"):
        key_id_of(text_)


async def test_a_new_key_is_shown_once_and_works(auth: AuthServicer) -> None:
    created = await auth.CreateKey(a_request("ci", "editor", "drone"), ADMIN)
    assert created.key.key_id == key_id_of(created.secret)
    who = await introspect(auth, created.secret)
    assert (who.key_id, who.principal, who.tenant) == (created.key.key_id, "key/ci", "default")
    assert list(who.roles) == ["drone", "editor"]
    assert list(who.permissions) == sorted(Roles(declared_permissions()).permissions(["editor", "drone"]))


async def test_the_secret_is_stored_nowhere(auth: AuthServicer, store: AuthStore) -> None:
    created = await auth.CreateKey(a_request(), ADMIN)
    async with store.database.read() as connection:
        row = (await connection.execute(text("SELECT * FROM keys"))).one()
    assert created.secret.split("_")[2] not in repr(row)
    assert digest_of(created.secret) in row


async def test_repeating_a_request_creates_nothing_and_shows_no_secret(auth: AuthServicer) -> None:
    first = await auth.CreateKey(a_request(request_id="r1"), ADMIN)
    again = await auth.CreateKey(a_request(request_id="r1"), ADMIN)
    assert again == pb.CreateKeyResponse(key=first.key)
    assert len((await auth.ListKeys(pb.ListKeysRequest(), ADMIN)).keys) == 1


async def test_a_request_id_belongs_to_one_request(auth: AuthServicer) -> None:
    await auth.CreateKey(a_request("ci", request_id="r1"), ADMIN)
    with pytest.raises(RequestIdReused):
        await auth.CreateKey(a_request("ci", "admin", request_id="r1"), ADMIN)
    assert (await auth.CreateKey(a_request("ci", request_id="r1"), STRANGER)).secret


async def test_a_key_stops_working_at_its_expiry(auth: AuthServicer, clock: Clock) -> None:
    secret = (await auth.CreateKey(a_request(lives=timedelta(hours=1)), ADMIN)).secret
    clock.now = START + timedelta(minutes=59)
    assert (await introspect(auth, secret)).principal == "key/ci"
    clock.now = START + timedelta(hours=1)
    with pytest.raises(KeyInvalid):
        await introspect(auth, secret)


async def test_a_key_that_would_never_work_is_refused(auth: AuthServicer) -> None:
    with pytest.raises(ExpiryPassed, match="expire_time: is not after 2026-11-20T09:00:00Z"):
        await auth.CreateKey(a_request(lives=timedelta()), ADMIN)
    assert not (await auth.ListKeys(pb.ListKeysRequest(), ADMIN)).keys


async def test_a_revoked_key_stops_working_for_good(auth: AuthServicer, clock: Clock) -> None:
    created = await auth.CreateKey(a_request(), ADMIN)
    revoke = pb.RevokeKeyRequest(key_id=created.key.key_id)
    first = await auth.RevokeKey(revoke, ADMIN)
    clock.now += timedelta(days=1)
    again = await auth.RevokeKey(revoke, ADMIN)
    assert first == again
    assert again.key.revoke_time.ToDatetime(UTC) == START
    with pytest.raises(KeyInvalid):
        await introspect(auth, created.secret)


async def test_a_key_is_another_tenants_secret(auth: AuthServicer) -> None:
    created = await auth.CreateKey(a_request(), ADMIN)
    with pytest.raises(KeyNotFound, match="no key k-"):
        await auth.RevokeKey(pb.RevokeKeyRequest(key_id=created.key.key_id), STRANGER)
    assert not (await auth.ListKeys(pb.ListKeysRequest(), STRANGER)).keys
    assert (await introspect(auth, created.secret)).key_id == created.key.key_id


@pytest.mark.parametrize("secret", ["chk_", "nonsense", "chk_aaaaaaaaaaaa_" + "a" * 52])
async def test_an_unknown_key_is_refused(auth: AuthServicer, secret: str) -> None:
    with pytest.raises(KeyInvalid):
        await introspect(auth, secret)


async def test_a_caller_without_a_key_reads(auth: AuthServicer) -> None:
    who = await introspect(auth, "")
    assert (who.key_id, who.principal, who.tenant, list(who.roles)) == ("", "anonymous", "default", ["viewer"])
    assert "registry.profiles.read" in who.permissions
    assert "auth.keys.read" not in who.permissions


async def test_a_caller_without_a_key_can_be_forbidden(store: AuthStore, clock: Clock) -> None:
    with pytest.raises(KeyMissing):
        await introspect(servicer_of(store, clock, allow_anonymous=False), "")


async def test_keys_are_listed_newest_first_in_pages(auth: AuthServicer, clock: Clock) -> None:
    for number in range(5):
        clock.now = START + timedelta(seconds=number // 2)
        await auth.CreateKey(a_request(f"key {number}"), ADMIN)
    request, seen = pb.ListKeysRequest(page_size=2), list[pb.Key]()
    for _ in range(3):
        page = await auth.ListKeys(request, ADMIN)
        seen += page.keys
        request.page_token = page.next_page_token
    assert not request.page_token
    assert sorted(key.name for key in seen) == [f"key {number}" for number in range(5)]
    times = [key.create_time.ToMicroseconds() for key in seen]
    assert times == sorted(times, reverse=True)


async def test_a_page_token_of_another_list_is_refused(auth: AuthServicer) -> None:
    with pytest.raises(InvalidPageToken):
        await auth.ListKeys(pb.ListKeysRequest(page_token="AAAA"), ADMIN)
