"""The keys with which a mesh begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chartly.auth.bootstrap import KeyFileInvalid, admit, keys_in
from chartly.auth.keys import Key
from chartly.auth.store import AuthStore
from chartly.runtime.keys import digest_of, generate_secret, key_id_of

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
async def store() -> AsyncIterator[AuthStore]:
    async with AuthStore.open("sqlite+aiosqlite://") as opened:
        yield opened


def write_key(path: Path, secret: str = "") -> str:
    secret = secret or generate_secret()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(secret + "\n")
    return secret


async def start(store: AuthStore, data_dir: Path) -> None:
    await admit(keys_in(data_dir), store, tenant="default", now=NOW)


async def key_of(store: AuthStore, secret: str) -> Key:
    key = await store.key_of_digest(digest_of(secret))
    assert key is not None
    return key


async def test_each_file_gives_the_role_of_its_name(store: AuthStore, tmp_path: Path) -> None:
    secrets = {
        "admin": write_key(tmp_path / "admin.key"),
        "drone": write_key(tmp_path / "keys/drone.key"),
        "drone-2": write_key(tmp_path / "keys/drone-2.key"),
        "registry": write_key(tmp_path / "keys/registry.key"),
    }
    await start(store, tmp_path)
    keys = {name: await key_of(store, secret) for name, secret in secrets.items()}
    assert {name: key.roles for name, key in keys.items()} == {
        "admin": ("admin",),
        "drone": ("drone",),
        "drone-2": ("drone",),
        "registry": ("service",),
    }
    assert all(key.works_at(NOW) and key.principal == f"key/{name}" for name, key in keys.items())


async def test_starting_again_changes_nothing(store: AuthStore, tmp_path: Path) -> None:
    secret = write_key(tmp_path / "admin.key")
    await start(store, tmp_path)
    first = await key_of(store, secret)
    await start(store, tmp_path)
    assert await key_of(store, secret) == first
    assert len(await store.list_keys("default", after=None, limit=9)) == 1


async def test_a_new_file_takes_the_place_of_the_old(store: AuthStore, tmp_path: Path) -> None:
    old = write_key(tmp_path / "admin.key")
    await start(store, tmp_path)
    new = write_key(tmp_path / "admin.key")
    await start(store, tmp_path)
    assert not (await key_of(store, old)).works_at(NOW)
    assert (await key_of(store, new)).works_at(NOW)


async def test_a_revoked_key_stays_revoked_though_its_file_is_there(store: AuthStore, tmp_path: Path) -> None:
    secret = write_key(tmp_path / "keys/drone.key")
    await start(store, tmp_path)
    async with store.transaction("default") as transaction:
        await transaction.revoke([key_id_of(secret)], NOW)
    await start(store, tmp_path)
    assert not (await key_of(store, secret)).works_at(NOW)


async def test_a_key_that_was_created_otherwise_needs_no_file(store: AuthStore, tmp_path: Path) -> None:
    secret = generate_secret()
    created = Key(key_id_of(secret), "default", "ci", ("viewer",), NOW)
    async with store.transaction("default") as transaction:
        await transaction.add(created, digest=digest_of(secret))
    await start(store, tmp_path)
    assert await key_of(store, secret) == created


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("keys/emperor.key", generate_secret(), "named for no service and no drone"),
        ("keys/drone.key", "hunter2", "holds no key"),
        ("admin.key", "\n", "holds no key"),
    ],
)
def test_a_file_that_is_no_key_of_the_mesh_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    write_key(tmp_path / name, content)
    with pytest.raises(KeyFileInvalid, match=message):
        keys_in(tmp_path)


def test_a_folder_without_keys_has_none(tmp_path: Path) -> None:
    assert keys_in(tmp_path) == []
