"""Structured logs on standard error, and metrics for Prometheus on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import prometheus_client as prometheus
from chartly.runtime.call import current_request_id
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)
_LATENCY_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message, request_id, then what `extra` holds, then a stack."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as its line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id():
            line["request_id"] = request_id
        line.update((name, value) for name, value in record.__dict__.items() if name not in _STANDARD)
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


def install_logging(service: str, level: str) -> None:
    """Send the process's logs to standard error, one JSON object a line, from `level` up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("alembic", "aiosqlite", "asyncio", "sqlalchemy"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


class Metrics:
    """The metrics of one service; a service adds its own to `registry`."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self.registry)
        self.calls = self._counter("chartly_calls", "Calls that were served, by how they ended.")
        self.latency = self._histogram("chartly_call_seconds", "Seconds that served calls took.")
        self.client_calls = self._counter("chartly_client_calls", "Calls to siblings, by how they ended.")

    def _counter(self, name: str, meaning: str) -> prometheus.Counter:
        return prometheus.Counter(name, meaning, ["method", "code"], registry=self.registry)

    def _histogram(self, name: str, meaning: str) -> prometheus.Histogram:
        return prometheus.Histogram(name, meaning, ["method"], registry=self.registry, buckets=_LATENCY_BUCKETS_SECONDS)


class MetricsServer:
    """Answers `GET /metrics` over HTTP on 127.0.0.1."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> int:
        """Listen on a port, or on a free one if it is 0; return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        if not head.startswith(b"GET /metrics "):
            return _http("404 Not Found", "text/plain", b"only GET /metrics is here\n")
        return _http("200 OK", CONTENT_TYPE_LATEST, prometheus.generate_latest(self._metrics.registry))


def _http(status: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
