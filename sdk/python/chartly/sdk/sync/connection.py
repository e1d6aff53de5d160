# Made by `make gen` from aio/; edits are overwritten.
"""Calls of methods over one channel: who calls, under which request id, how long it may take, and what it fails with."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

import grpc
from chartly.sdk.errors import FailedPrecondition, error_of
from chartly.sdk.policy import deadline_seconds, method_of
from chartly.sdk.settings import Settings
from chartly.sdk.sync.bridge import FAILURES
from google.protobuf.message import Message

Answer = TypeVar("Answer", bound=Message)
Item = TypeVar("Item")


class Connection:
    """A channel to the mesh, opened by the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_closed = False

    @cached_property
    def _channel(self) -> grpc.Channel:
        target, options = self._settings.target, self._settings.options
        if self._settings.secure:
            return grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=options)
        return grpc.insecure_channel(target, options=options)

    def close(self) -> None:
        """Close the channel; calls that are under way are cancelled, and later ones fail with FailedPrecondition."""
        self._is_closed = True
        if "_channel" in self.__dict__:
            self._channel.close()

    def call(self, request: Message, answer: type[Answer], timeout: float | None) -> Answer:
        """Call the method that takes `request`.

        Args:
            request: what is asked; its method follows from it.
            answer: class of the answer.
            timeout: seconds for all attempts together; None for the client's, or the contract's.

        Raises:
            ChartlyError: the call failed.
        """
        method, options, request_id = self._call(request, timeout)
        send: Any = self._channel.unary_unary(method, _bytes_of, answer.FromString)
        try:
            return cast(Answer, send(request, **options))
        except grpc.RpcError as failure:
            raise error_of(failure, request_id) from None

    def stream(self, request: Message, answer: type[Answer], timeout: float | None) -> Stream[Answer]:
        """Call a method that answers with a stream; arguments and errors as of `call`."""
        method, options, request_id = self._call(request, timeout)
        return Stream(self._channel.unary_stream(method, _bytes_of, answer.FromString)(request, **options), request_id)

    def send(self, requests: Requests[Any], answer: type[Answer], timeout: float | None) -> Answer:
        """Call a method that takes a stream; arguments and errors as of `call`. What the iteration raises ends the call."""
        method, options, request_id = self._call(requests.kind(), timeout)
        send: Any = self._channel.stream_unary(method, _bytes_of, answer.FromString)
        try:
            return cast(Answer, send(iter(requests), **options))
        except FAILURES as failure:
            if requests.problem is not None:
                raise requests.problem from None
            if not isinstance(failure, grpc.RpcError):
                raise
            raise error_of(failure, request_id) from None

    def pages(
        self, request: Any, answer: type[Answer], items: Callable[[Answer], Iterable[Item]], timeout: float | None
    ) -> Iterator[Item]:
        """Yield the items of all pages; each page is a call of its own."""
        while True:
            page: Any = self.call(request, answer, timeout)
            yield from items(page)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _call(self, request: Message, timeout: float | None) -> tuple[str, dict[str, Any], str]:
        if self._is_closed:
            raise FailedPrecondition("the client is closed; make another one")
        method, request_id = method_of(request.DESCRIPTOR), uuid.uuid4().hex
        metadata = [("x-request-id", request_id)]
        if self._settings.bearer:
            metadata.append(("authorization", f"Bearer {self._settings.bearer}"))
        seconds = next((t for t in (timeout, self._settings.timeout) if t is not None), deadline_seconds(method))
        return method, {"timeout": seconds, "metadata": tuple(metadata)}, request_id


class Stream(Generic[Answer]):
    """Messages as they come. Iterate it; `cancel` or the end of a `with` block ends it."""

    def __init__(self, call: Any, request_id: str) -> None:
        self.request_id = request_id
        self._call = call
        self._is_cancelled = False

    def __iter__(self) -> Iterator[Answer]:
        try:
            yield from self._call
        except FAILURES as failure:
            if self._is_cancelled:
                return
            if not isinstance(failure, grpc.RpcError):
                raise
            raise error_of(failure, self.request_id) from None
        finally:
            self._call.cancel()

    def cancel(self) -> None:
        """End the stream; its iteration ends, without an error."""
        self._is_cancelled = True
        self._call.cancel()

    def __enter__(self) -> Stream[Answer]:
        return self

    def __exit__(self, *problem: object) -> None:
        self.cancel()


class Requests(Generic[Answer]):
    """The messages of a stream that is sent, and what stopped them."""

    def __init__(self, kind: type[Answer], messages: Iterator[Answer]) -> None:
        self.kind = kind
        self.problem: Exception | None = None
        self._messages = messages

    def __iter__(self) -> Iterator[Answer]:
        try:
            yield from self._messages
        except Exception as problem:
            self.problem = problem
            raise


def _bytes_of(message: Message) -> bytes:
    return message.SerializeToString()
