"""Health and events as the messages that answer them."""

from __future__ import annotations

from collections.abc import Iterable

from chartly.api.gateway.v1 import gateway_pb2 as pb
from chartly.gateway.events import Event
from chartly.gateway.health import Health
from google.api.httpbody_pb2 import HttpBody


def status_response(mesh: Iterable[Health]) -> pb.GetStatusResponse:
    """Return how each service is."""
    return pb.GetStatusResponse(services=[_status(health) for health in mesh])


def _status(health: Health) -> pb.ServiceStatus:
    status = "up" if health.serving else "down"
    return pb.ServiceStatus(name=health.service, status=status, latency_ms=health.latency_ms, version=health.version)


def sse_event(event: Event) -> HttpBody:
    """Return an event as the event stream says it (WHATWG HTML, 9.2)."""
    return _sse(f"event: {event.name}\ndata: {event.data}\n\n")


def sse_comment(text: str) -> HttpBody:
    """Return a line that readers of events pass over."""
    return _sse(f": {text}\n\n")


def sse_end(reason: str) -> HttpBody:
    """Return the last event of a stream that the server ends: a reader that wants more opens it again."""
    return _sse(f'event: end\ndata: {{"reason": "{reason}"}}\n\n')


def _sse(text: str) -> HttpBody:
    return HttpBody(content_type="text/event-stream", data=text.encode())
