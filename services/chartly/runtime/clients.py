"""Stubs of the siblings, which relay who calls, under which request id, and how long it may take."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import grpc
from chartly.runtime import boundary
from chartly.runtime.call import REQUEST_ID_KEY, current_call, new_request_id
from chartly.runtime.contracts import MethodContract, contract_of, methods_of
from chartly.runtime.errors import ServiceUnavailable
from chartly.runtime.settings import ServiceSettings

Stub = TypeVar("Stub")

# gRPC makes at most five attempts. With these waits they span a second and a half, which a sibling needs to come back.
RETRY_POLICY = {
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


class Clients:
    """Stubs of the mesh's services. A channel is opened by the first call through it, so never before a fork."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._own_key = ""

    def stub(
        self, stub_class: Callable[[grpc.aio.Channel], Stub], *, as_service: bool = False, service: str = ""
    ) -> Stub:
        """Return a stub.

        Each of its calls carries the request id of the call that is being served and ends no later; its caller's key goes
        along, or the service's own where nobody calls.

        Args:
            stub_class: a generated `…Stub`.
            as_service: send the service's own key, for what the caller may not do himself.
            service: whom to call; default: the service that the stub's package names.
        """
        service = service or stub_class.__module__.split(".")[2]
        return stub_class(cast(grpc.aio.Channel, _RelayingChannel(self, service, as_service=as_service)))

    def channel(self, service: str) -> grpc.aio.Channel:
        """Return the channel to a sibling."""
        if service not in self._channels:
            limit = self.settings.max_message_bytes
            self._channels[service] = grpc.aio.insecure_channel(
                self.settings.url_of(service),
                options=[
                    ("grpc.service_config", json.dumps(service_config(methods_of(service)))),
                    ("grpc.max_receive_message_length", limit),
                    ("grpc.max_send_message_length", limit),
                    ("grpc.initial_reconnect_backoff_ms", 100),
                    ("grpc.min_reconnect_backoff_ms", 100),
                    ("grpc.max_reconnect_backoff_ms", 1000),
                ],
            )
        return self._channels[service]

    def own_key(self) -> str:
        """Return the service's own key; empty if it has none.

        Raises:
            ServiceUnavailable: the key file is not there yet.
        """
        if not self._own_key and self.settings.api_key_file is not None:
            self._own_key = _read_key(self.settings.api_key_file)
        return self._own_key

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all channels; calls that are under way are cancelled."""
        for channel in self._channels.values():
            await channel.close(None)
        self._channels.clear()


def service_config(methods: Iterable[MethodContract]) -> dict[str, Any]:
    """Return a gRPC service config in which exactly the methods that are safe to retry are retried when UNAVAILABLE."""
    names = [
        dict(zip(("service", "method"), method.path[1:].split("/"), strict=True))
        for method in methods
        if method.retry_safe
    ]
    return {"methodConfig": [{"name": names, "retryPolicy": RETRY_POLICY}] if names else []}


class _RelayingChannel:
    """What a generated stub asks of a channel; each method adds key, request id and deadline to its calls."""

    def __init__(self, clients: Clients, service: str, *, as_service: bool) -> None:
        self._clients = clients
        self._service = service
        self._as_service = as_service

    def unary_unary(self, path: str, *codecs: Any, **named: Any) -> _RelayingMethod:
        return self._method("unary_unary", path, codecs, named)

    def unary_stream(self, path: str, *codecs: Any, **named: Any) -> _RelayingMethod:
        return self._method("unary_stream", path, codecs, named)

    def stream_unary(self, path: str, *codecs: Any, **named: Any) -> _RelayingMethod:
        return self._method("stream_unary", path, codecs, named)

    def stream_stream(self, path: str, *codecs: Any, **named: Any) -> _RelayingMethod:
        return self._method("stream_stream", path, codecs, named)

    def _method(self, kind: str, path: str, codecs: Any, named: Any) -> _RelayingMethod:
        def connect() -> Any:
            return getattr(self._clients.channel(self._service), kind)(path, *codecs, **named)

        return _RelayingMethod(self._clients, contract_of(path), connect, as_service=self._as_service)


class _RelayingMethod:
    """One method of a stub."""

    def __init__(
        self, clients: Clients, contract: MethodContract, connect: Callable[[], Any], *, as_service: bool
    ) -> None:
        self._clients = clients
        self._contract = contract
        self._connect = connect
        self._as_service = as_service
        self._method: Any = None

    def __call__(
        self,
        request: Any = None,
        *,
        timeout: float | None = None,
        metadata: Iterable[tuple[str, str]] = (),
        **options: Any,
    ) -> Any:
        path = self._contract.path
        timeout, pairs = self._timeout(timeout), tuple({**self._relayed(), **dict(metadata)}.items())
        boundary.reached("rpc_client", path, "before")
        self._method = self._method or self._connect()
        call = self._method(request, timeout=timeout, metadata=pairs, **options)
        call.add_done_callback(lambda _: boundary.reached("rpc_client", path, "after"))
        return call

    def _timeout(self, wanted: float | None) -> float:
        serving = current_call.get()
        seconds = self._contract.deadline_seconds if wanted is None else wanted
        return min(seconds, serving.time_remaining()) if serving else seconds

    def _relayed(self) -> dict[str, str]:
        serving = current_call.get()
        key = serving.bearer if serving and not self._as_service else self._clients.own_key()
        request_id = {REQUEST_ID_KEY: serving.request_id if serving else new_request_id()}
        return {**request_id, "authorization": f"Bearer {key}"} if key else request_id


def _read_key(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise ServiceUnavailable("auth") from None
