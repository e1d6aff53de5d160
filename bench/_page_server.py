"""Serves the files of a folder as the pages of an API, ready-made: `/flights?page=N`, each with a link to the next.

A process of its own, so that serving costs what is measured nothing but its share of the machine. It prints its URL.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def serve(pages: list[bytes]) -> None:
    """Print the URL, then answer for ever; beyond the last page, with an empty one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = int(self.path.partition("page=")[2] or 1)
            body = pages[number - 1] if number <= len(pages) else b""
            self.send_response(200)
            self.send_header("content-type", "application/x-ndjson")
            self.send_header("content-length", str(len(body)))
            if number < len(pages):
                self.send_header("link", f'</flights?page={number + 1}>; rel="next"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    serve([path.read_bytes() for path in sorted(folder.iterdir(), key=lambda path: int(path.name))])
