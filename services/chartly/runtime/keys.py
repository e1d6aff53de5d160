"""API keys as text: `chk_<12 characters that may be shown>_<52 characters that may not>`, both in lower-case base32.

The random part has 256 bits, so a plain sha256 hides it: there is no smaller space to search than that of all keys.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

_SHOWN_BYTES = 8
_HIDDEN_BYTES = 32
_SECRET = re.compile(r"chk_([a-z2-7]{12})_[a-z2-7]{52}")


def generate_secret() -> str:
    """Return a new secret, shown to its owner once and sent as `authorization: Bearer chk_…`."""
    return f"chk_{_random_text(_SHOWN_BYTES)[:12]}_{_random_text(_HIDDEN_BYTES)}"


def key_id_of(secret: str) -> str:
    """Return the name of a secret's key, as in `k-7hq2m4xkd3fa`.

    Raises:
        ValueError: the text is no secret.
    """
    match = _SECRET.fullmatch(secret)
    if match is None:
        raise ValueError("a secret has the form chk_<12 characters>_<52 characters>")
    return f"k-{match[1]}"


def digest_of(secret: str) -> str:
    """Return what is stored of a secret: its sha256, 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _random_text(size_bytes: int) -> str:
    return base64.b32encode(secrets.token_bytes(size_bytes)).decode().rstrip("=").lower()
