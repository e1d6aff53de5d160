"""A conversation with the mesh over its one port, as one caller."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import grpc
from chartly.cli.data_folder import DataFolder
from chartly.cli.exits import Exit, fail
from chartly.cli.text import shown
from chartly.runtime.clients import service_config
from chartly.runtime.contracts import methods_of
from chartly.runtime.settings import PORTS

Stub = TypeVar("Stub")
DEFAULT_URL = "http://localhost:8090"
_MAX_MESSAGE_BYTES = 64 << 20


class Key(NamedTuple):
    """The secret that a session sends, empty for none, and where it was looked for."""

    secret: str
    origin: str


@dataclass(frozen=True, slots=True)
class Session:
    """An open channel. `data_dir` is where the caller's mesh keeps its data, for messages that name files in it."""

    channel: grpc.aio.Channel
    url: str
    key: Key
    data_dir: Path

    def stub(self, stub_class: Callable[[grpc.aio.Channel], Stub]) -> Stub:
        """Return a stub, as in `session.stub(RegistryServiceStub)`."""
        return stub_class(self.channel)


@asynccontextmanager
async def connect(data_dir: Path) -> AsyncIterator[Session]:
    """Open a session.

    With the mesh at CHARTLY_URL, else the one that runs on the data folder, else the one at the default port; with the key in
    CHARTLY_API_KEY, else the data folder's `admin.key`.
    """
    folder = DataFolder(data_dir)
    url = os.environ.get("CHARTLY_URL") or str(folder.said().get("url", DEFAULT_URL))
    key = _key(folder.admin_key)
    async with _channel(url, key.secret) as channel:
        yield Session(channel, url, key, data_dir)


def _key(file: Path) -> Key:
    if secret := os.environ.get("CHARTLY_API_KEY"):
        return Key(secret.strip(), "CHARTLY_API_KEY")
    try:
        return Key(file.read_text().strip(), shown(file))
    except OSError:
        return Key("", shown(file))


def _channel(url: str, key: str) -> grpc.aio.Channel:
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname or address.path.strip("/"):
        fail(Exit.INVALID, f"CHARTLY_URL is {url!r}; it should look like {DEFAULT_URL}")
    secure = address.scheme == "https"
    host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    target = f"{host}:{address.port or (443 if secure else 80)}"
    methods = [method for service in PORTS for method in methods_of(service)]
    options = [
        ("grpc.service_config", json.dumps(service_config(methods))),
        ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ]
    bearer = [cast(Any, kind(key)) for kind in (_UnaryBearer, _StreamBearer)] if key else []
    if secure:
        return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=options, interceptors=bearer)
    return grpc.aio.insecure_channel(target, options=options, interceptors=bearer)


class _Bearer:
    """Adds the caller's key to each call."""

    def __init__(self, key: str) -> None:
        self._header = ("authorization", f"Bearer {key}")

    def _with_key(self, details: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), self._header)
        return details._replace(metadata=metadata)


class _UnaryBearer(_Bearer, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]  # generic only in its stubs
    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(self._with_key(details), request)


class _StreamBearer(_Bearer, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(self._with_key(details), request)
