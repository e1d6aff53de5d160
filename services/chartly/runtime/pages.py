"""Page sizes and page tokens of lists (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from chartly.runtime.errors import InvalidPageToken
from google.protobuf.message import Message

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
MAX_PAGE_BYTES = 2 << 20
_CHECK_BYTES = 6
M = TypeVar("M", bound=Message)


def page_size(requested: int, *, default: int = DEFAULT_PAGE_SIZE, maximum: int = MAX_PAGE_SIZE) -> int:
    """Return how many items a page holds: `default` if the caller asks for 0, never more than `maximum`."""
    return min(requested, maximum) if requested > 0 else default


def fitting(items: Sequence[M]) -> Sequence[M]:
    """Return as many of the items as one answer holds, at least the first: MAX_PAGE_BYTES of them, whatever the caller asks."""
    size_bytes = 0
    for count, item in enumerate(items):
        size_bytes += item.ByteSize()
        if count and size_bytes > MAX_PAGE_BYTES:
            return items[:count]
    return items


def encode_page_token(state: Mapping[str, Any], *, of: str = "") -> str:
    """Return an opaque token for where a list goes on.

    Args:
        state: the place, as JSON values.
        of: what the list is of, its filters included; a token is refused by a list of something else.
    """
    body = json.dumps(state, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_check(body, of) + body).decode().rstrip("=")


def decode_page_token(token: str, *, of: str = "") -> dict[str, Any]:
    """Return the state of a token; {} for the empty token, with which a list begins.

    Raises:
        InvalidPageToken: the token was not made by `encode_page_token` for the same `of`, or was changed.
    """
    if not token:
        return {}
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidPageToken from None
    check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if check != _check(body, of):
        raise InvalidPageToken
    state: dict[str, Any] = json.loads(body)
    return state


def _check(body: bytes, of: str) -> bytes:
    return hashlib.sha256(of.encode() + b"\0" + body).digest()[:_CHECK_BYTES]
