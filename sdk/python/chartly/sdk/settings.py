"""Where the mesh is, and as whom to call it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from chartly.sdk.policy import retries

DEFAULT_URL = "http://localhost:8090"
_MAX_MESSAGE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client was told.

    target: host and port, for gRPC.
    secure: whether to speak TLS.
    bearer: API key or token; empty for an anonymous caller.
    timeout: seconds that a call may take; None for what the contract says.
    """

    target: str
    secure: bool
    bearer: str
    timeout: float | None

    @property
    def options(self) -> list[tuple[str, Any]]:
        """Options of the channel."""
        return [
            ("grpc.service_config", retries()),
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
        ]

    @classmethod
    def of(cls, url: str | None, api_key: str | None, token: str | None, timeout: float | None) -> Settings:
        """Read what a caller says, or the environment where he says nothing.

        Raises:
            ValueError: the URL is none of a mesh, there are a key and a token, or one that no call can carry.
        """
        if api_key and token:
            raise ValueError("give api_key or token, not both")
        url = url or os.environ.get("CHARTLY_URL") or DEFAULT_URL
        bearer = token if api_key is None else api_key
        if bearer is None:
            bearer = os.environ.get("CHARTLY_API_KEY", "")
        return cls(*_target(url), _clean(bearer.strip()), timeout)


def _clean(bearer: str) -> str:
    if any(not "!" <= character <= "~" for character in bearer):
        raise ValueError("an API key or token is one line of printable ASCII without spaces, and this one is not")
    return bearer


def _target(url: str) -> tuple[str, bool]:
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname or address.path.strip("/"):
        raise ValueError(f"the URL of a mesh looks like {DEFAULT_URL}, not {url!r}")
    secure = address.scheme == "https"
    host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    return f"{host}:{address.port or (443 if secure else 80)}", secure
