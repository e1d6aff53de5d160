"""Calls of methods over one channel: who calls, under which request id, how long it may take, and what it fails with."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

import grpc
from chartly.sdk.aio.bridge import FAILURES
from chartly.sdk.errors import FailedPrecondition, error_of
from chartly.sdk.policy import deadline_seconds, method_of
from chartly.sdk.settings import Settings
from google.protobuf.message import Message

Answer = TypeVar("Answer", bound=Message)
Item = TypeVar("Item")


class Connection:
    """A channel to the mesh, opened by the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_closed = False

    @cached_property
    def _channel(self) -> grpc.aio.Channel:
        target, options = self._settings.target, self._settings.options
        if self._settings.secure:
            return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=options)
        return grpc.aio.insecure_channel(target, options=options)

    async def close(self) -> None:
        """Close the channel; calls that are under way are cancelled, and later ones fail with FailedPrecondition."""
        self._is_closed = True
        if "_channel" in self.__dict__:
            await self._channel.close(None)

    async def call(self, request: Message, answer: type[Answer], timeout: float | None) -> Answer:
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
            return cast(Answer, await send(request, **options))
        except grpc.RpcError as failure:
            raise error_of(failure, request_id) from None

    def stream(self, request: Message, answer: type[Answer], timeout: float | None) -> Stream[Answer]:
        """Call a method that answers with a stream; arguments and errors as of `call`."""
        method, options, request_id = self._call(request, timeout)
        return Stream(self._channel.unary_stream(method, _bytes_of, answer.FromString)(request, **options), request_id)

    async def send(self, requests: Requests[Any], answer: type[Answer], timeout: float | None) -> Answer:
        """Call a method that takes a stream; arguments and errors as of `call`. What the iteration raises ends the call."""
        method, options, request_id = self._call(requests.kind(), timeout)
        send: Any = self._channel.stream_unary(method, _bytes_of, answer.FromString)
        try:
            return cast(Answer, await send(aiter(requests), **options))
        except FAILURES as failure:
            if requests.problem is not None:
                raise requests.problem from None
            if not isinstance(failure, grpc.RpcError):
                raise
            raise error_of(failure, request_id) from None

    async def pages(
        self, request: Any, answer: type[Answer], items: Callable[[Answer], Iterable[Item]], timeout: float | None
    ) -> AsyncIterator[Item]:
        """Yield the items of all pages; each page is a call of its own."""
        while True:
            page: Any = await self.call(request, answer, timeout)
            for item in items(page):
                yield item
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

    async def __aiter__(self) -> AsyncIterator[Answer]:
        try:
            async for message in self._call:
                yield message
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

    async def __aenter__(self) -> Stream[Answer]:
        return self

    async def __aexit__(self, *problem: object) -> None:
        self.cancel()


class Requests(Generic[Answer]):
    """The messages of a stream that is sent, and what stopped them."""

    def __init__(self, kind: type[Answer], messages: AsyncIterator[Answer]) -> None:
        self.kind = kind
        self.problem: Exception | None = None
        self._messages = messages

    async def __aiter__(self) -> AsyncIterator[Answer]:
        try:
            async for message in self._messages:
                yield message
        except Exception as problem:
            self.problem = problem
            raise


def _bytes_of(message: Message) -> bytes:
    return message.SerializeToString()
