"""Who the bearer of a secret is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chartly.auth.config import AuthSettings
from chartly.auth.errors import KeyInvalid
from chartly.auth.roles import ANONYMOUS_ROLE, Roles
from chartly.auth.store import AuthStore
from chartly.runtime.errors import KeyMissing
from chartly.runtime.identity import Principal
from chartly.runtime.keys import digest_of


class Identities:
    """Principals straight from the store; auth answers its siblings with them and admits its own callers by them."""

    def __init__(self, store: AuthStore, roles: Roles, settings: AuthSettings, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._roles = roles
        self._settings = settings
        self._now = now

    async def __call__(self, secret: str) -> Principal:
        """Return the principal of a secret; of the empty one, the anonymous caller.

        Raises:
            KeyMissing: there is no secret, and anonymous callers are not admitted.
            KeyInvalid: the key is unknown, revoked or expired.
        """
        if not secret:
            return self._anonymous()
        key = await self._store.key_of_digest(digest_of(secret))
        if key is None or not key.works_at(self._now()):
            raise KeyInvalid
        return Principal(
            key_id=key.key_id,
            name=key.principal,
            tenant=key.tenant,
            roles=frozenset(key.roles),
            permissions=self._roles.permissions(key.roles),
        )

    def _anonymous(self) -> Principal:
        if not self._settings.allow_anonymous:
            raise KeyMissing
        return Principal(
            key_id="",
            name="anonymous",
            tenant=self._settings.tenant,
            roles=frozenset({ANONYMOUS_ROLE}),
            permissions=self._roles.permissions([ANONYMOUS_ROLE]),
        )
