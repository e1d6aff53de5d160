"""What changed between two services: callers with the old contract are the writers, the service with the new one reads."""

from __future__ import annotations

from collections.abc import Iterator

from chartly.contracts.protos.advice import finding
from chartly.contracts.protos.model import Service, walk
from chartly.contracts.report import DESCRIPTION_CHANGED, Finding, Layer
from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import MethodDescriptorProto, MethodOptions

_CALL_LAYERS = (Layer.WIRE, Layer.JSON, Layer.SOURCE)
# What a caller may count on: more is promised further right.
_PROMISES = (MethodOptions.IDEMPOTENCY_UNKNOWN, MethodOptions.IDEMPOTENT, MethodOptions.NO_SIDE_EFFECTS)


def service_changes(old: Service | None, new: Service | None) -> Iterator[Finding]:
    """Yield what changed, its methods included."""
    if old and new:
        if old.comment != new.comment:
            yield finding(DESCRIPTION_CHANGED, old.name, "the comment changed", Layer.SOURCE)
        yield from _methods(old, new)
    elif old:
        for layer in _CALL_LAYERS:
            yield finding("SERVICE_NO_DELETE", old.name, f"service {old.name} is gone", layer, backward=True)
    elif new:
        yield finding("SERVICE_ADDED", new.name, f"service {new.name} is new", Layer.SOURCE)


def _methods(old: Service, new: Service) -> Iterator[Finding]:
    before, after = ({method.name: method for method in one.proto.method} for one in (old, new))
    for name in walk(before, after):
        path = f"{old.name}.{name}"
        if name not in after:
            for layer in _CALL_LAYERS:
                yield finding("RPC_NO_DELETE", path, f"method {name} is gone", layer, backward=True)
        elif name not in before:
            yield finding("RPC_ADDED", path, f"method {name} is new", Layer.SOURCE)
        else:
            yield from _method(path, before[name], after[name])
            if old.comments[name] != new.comments[name]:
                yield finding(DESCRIPTION_CHANGED, path, "the comment changed", Layer.SOURCE)


def _method(path: str, old: MethodDescriptorProto, new: MethodDescriptorProto) -> Iterator[Finding]:
    for rule, was, now in (
        ("RPC_SAME_REQUEST_TYPE", old.input_type, new.input_type),
        ("RPC_SAME_RESPONSE_TYPE", old.output_type, new.output_type),
        ("RPC_SAME_CLIENT_STREAMING", _stream(old.client_streaming), _stream(new.client_streaming)),
        ("RPC_SAME_SERVER_STREAMING", _stream(old.server_streaming), _stream(new.server_streaming)),
    ):
        if was != now:
            for layer in _CALL_LAYERS:
                text = f"{was.removeprefix('.')} -> {now.removeprefix('.')}"
                yield finding(rule, path, text, layer, backward=True, forward=True)
    yield from _idempotency(path, old.options.idempotency_level, new.options.idempotency_level)
    yield from _routes(path, old, new)


def _idempotency(
    path: str, old: MethodOptions.IdempotencyLevel.ValueType, new: MethodOptions.IdempotencyLevel.ValueType
) -> Iterator[Finding]:
    if old != new:
        less = _PROMISES.index(new) < _PROMISES.index(old)
        name = MethodOptions.IdempotencyLevel.Name
        text = f"{name(old)} -> {name(new)}"
        yield finding("RPC_SAME_IDEMPOTENCY_LEVEL", path, text, Layer.WIRE, backward=less, forward=not less)


def _routes(path: str, old: MethodDescriptorProto, new: MethodDescriptorProto) -> Iterator[Finding]:
    before, after = _http(old), _http(new)
    for route in sorted(before - after):
        yield finding("RPC_SAME_HTTP_ROUTE", path, f"route {route} is gone", Layer.JSON, backward=True)
    for route in sorted(after - before):
        yield finding("RPC_SAME_HTTP_ROUTE", path, f"route {route} is new", Layer.JSON)


def _http(method: MethodDescriptorProto) -> set[str]:
    if not method.options.HasExtension(annotations_pb2.http):
        return set()
    route = method.options.Extensions[annotations_pb2.http]
    return {_route(one) for one in (route, *route.additional_bindings)}


def _route(route: http_pb2.HttpRule) -> str:
    verb = route.WhichOneof("pattern") or ""
    path = (
        f"{route.custom.kind} {route.custom.path}" if verb == "custom" else f"{verb.upper()} {getattr(route, verb, '')}"
    )
    return " ".join(filter(None, (path, route.body and f"body={route.body}", route.response_body)))


def _stream(streams: bool) -> str:
    return "a stream" if streams else "one message"
