"""The keys with which a mesh begins: files with one secret each, which whoever starts the mesh has made.

`admin.key` of the data folder is for people; `keys/<name>.key` are the services' and the drones' own. A key whose file is
gone is revoked at the next start, so that a new file takes its place; one that was revoked stays so, file or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chartly.auth.keys import KeyDraft, new_key
from chartly.auth.store import AuthStore
from chartly.runtime.errors import CannotStart
from chartly.runtime.keys import digest_of, key_id_of
from chartly.runtime.settings import PORTS


class KeyFileInvalid(CannotStart):
    """A key file is none of this mesh's, or holds no secret."""


@dataclass(frozen=True, slots=True)
class BootstrapKey:
    """A key that a file holds; `name` is the file's."""

    name: str
    role: str
    secret: str
    key_id: str


def keys_in(data_dir: Path) -> list[BootstrapKey]:
    """Return the keys of a data folder's files, by name.

    Raises:
        KeyFileInvalid: the file's name is that of no service or drone, or its content no secret.
    """
    return [_read(path) for path in _files(data_dir)]


async def admit(found: list[BootstrapKey], store: AuthStore, *, tenant: str, now: datetime) -> None:
    """Add the keys that the store does not know, and revoke those that it has from files that are gone."""
    async with store.transaction(tenant) as transaction:
        known = await transaction.bootstrapped()
        for file in found:
            if file.key_id not in known:
                key = new_key(KeyDraft(file.name, (file.role,)), key_id=file.key_id, tenant=tenant, now=now)
                await transaction.add(key, digest=digest_of(file.secret), bootstrap=True)
        await transaction.revoke(known - {file.key_id for file in found}, now)


def _files(data_dir: Path) -> Iterator[Path]:
    if (admin := data_dir / "admin.key").exists():
        yield admin
    yield from sorted((data_dir / "keys").glob("*.key"))


def _read(path: Path) -> BootstrapKey:
    if (role := _role_of(path.stem)) is None:
        raise KeyFileInvalid(f"{path} is named for no service and no drone; remove it")
    secret = path.read_text().strip()
    try:
        return BootstrapKey(path.stem, role, secret, key_id_of(secret))
    except ValueError:
        raise KeyFileInvalid(f"{path} holds no key; remove it, and `chartly up` makes another") from None


def _role_of(name: str) -> str | None:
    if name in PORTS:
        return "service"
    if name == "admin":
        return "admin"
    return "drone" if name == "drone" or name.startswith("drone-") else None
