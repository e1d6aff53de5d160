"""An HTTP API for drones to fetch from, whose answers a test writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

JSON = "application/json"


class Reply(NamedTuple):
    """What a path answers."""

    body: bytes = b""
    content_type: str = JSON
    status: int = 200


class HttpSource(ThreadingHTTPServer):
    """Answers each path of `replies`, its query included; any other is 404. `paths` are those that were asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: dict[str, Reply] = {}
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def profile_source(self, path: str, **changes: Any) -> Mapping[str, Any]:
        """Return the `source` of a profile that fetches a path."""
        return {"http_rest": {"url": self.url + path, **changes}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpSource

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        reply = self.server.replies.get(self.path, Reply(status=404))
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def http_source() -> Iterator[HttpSource]:
    """Serve on a free port of this machine for the length of the block."""
    with HttpSource() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
