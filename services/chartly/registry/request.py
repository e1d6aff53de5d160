"""What tells a request from others, so that its repetition answers the first result."""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Protocol

from google.protobuf.descriptor import Descriptor


class Request(NamedTuple):
    """A request that is answered once; an empty id asks for no memory."""

    request_id: str
    digest: str


class Repeatable(Protocol):
    """A message with a request_id."""

    request_id: str
    DESCRIPTOR: Descriptor

    def SerializeToString(self, *, deterministic: bool) -> bytes:  # noqa: N802
        """Return the message's bytes."""


def request_of(message: Repeatable) -> Request:
    """Return what tells a request from others."""
    if not message.request_id:
        return Request("", "")
    content = message.DESCRIPTOR.name.encode() + message.SerializeToString(deterministic=True)
    return Request(message.request_id, hashlib.sha256(content).hexdigest())
