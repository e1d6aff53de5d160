"""Keys, and when they work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chartly.auth.errors import ExpiryPassed


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """What a key is asked to be."""

    name: str
    roles: tuple[str, ...]
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret; `expire_time` and `revoke_time` are None for never and not."""

    key_id: str
    tenant: str
    name: str
    roles: tuple[str, ...]
    create_time: datetime
    expire_time: datetime | None = None
    revoke_time: datetime | None = None

    @property
    def principal(self) -> str:
        """Name of its bearer in logs and in the ledger."""
        return f"key/{self.name}"

    def works_at(self, now: datetime) -> bool:
        """Return whether the key is neither revoked nor expired; at its very expire_time it is."""
        return self.revoke_time is None and (self.expire_time is None or now < self.expire_time)

    def follows(self, draft: KeyDraft) -> bool:
        """Return whether this is the key that the draft asks for."""
        return (self.name, set(self.roles), self.expire_time) == (draft.name, set(draft.roles), draft.expire_time)


def new_key(draft: KeyDraft, *, key_id: str, tenant: str, now: datetime) -> Key:
    """Return the key that a draft asks for.

    Raises:
        ExpiryPassed: it would never work.
    """
    if draft.expire_time is not None and draft.expire_time <= now:
        raise ExpiryPassed(now)
    return Key(key_id, tenant, draft.name, draft.roles, now, draft.expire_time)
