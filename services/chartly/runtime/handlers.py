"""From a servicer's methods to gRPC handlers, for the four kinds of RPC alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import grpc
from chartly.runtime.call import Call, Context
from chartly.runtime.contracts import ContractError, contract_of, path_of
from chartly.runtime.interceptors import Interceptor, chain
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

Wire = grpc.aio.ServicerContext[Any, Any]
_KINDS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def generic_handler(
    servicer: object, service: ServiceDescriptor, interceptors: Sequence[Interceptor], draining: asyncio.Event
) -> grpc.GenericRpcHandler[Any, Any]:
    """Return what serves all methods of a service, each call within the interceptors.

    Raises:
        ContractError: the servicer lacks a method.
    """
    handlers = {method.name: _handler(servicer, method, interceptors, draining) for method in service.methods}
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _handler(
    servicer: object, method: MethodDescriptor, interceptors: Sequence[Interceptor], draining: asyncio.Event
) -> grpc.RpcMethodHandler[Any, Any]:
    contract = contract_of(path_of(method))
    function = _function(servicer, method)

    async def serve(call: Call) -> Message | None:
        async def body() -> None:
            await _answer(call, function)

        await chain(interceptors, call, body)()
        return call.response

    # gRPC looks at the signature: coroutine functions, which write streamed answers themselves.
    async def serve_one(request: Message, wire: Wire) -> Message | None:
        return await serve(Call(contract, wire, draining, request=request))

    async def serve_stream(requests: AsyncIterator[Message], wire: Wire) -> Message | None:
        return await serve(Call(contract, wire, draining, requests=requests))

    kind = _KINDS[contract.client_streaming, contract.server_streaming]
    return kind(
        serve_stream if contract.client_streaming else serve_one,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )


async def _answer(call: Call, function: Callable[[Any, Context], Any]) -> None:
    context = Context(call)
    request = call.requests if call.contract.client_streaming else call.request
    if not call.contract.server_streaming:
        call.response = await function(request, context)
        return
    async with aclosing(function(request, context)) as responses:
        async for response in responses:
            await call.wire.write(response)


def _function(servicer: object, method: MethodDescriptor) -> Callable[[Any, Context], Any]:
    function: Callable[[Any, Context], Any] = getattr(servicer, method.name)
    if getattr(function, "__module__", "").endswith("_pb2_grpc"):
        raise ContractError(f"{type(servicer).__name__} lacks {method.name}")
    return function
