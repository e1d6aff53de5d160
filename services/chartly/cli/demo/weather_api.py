"""A small weather API that misbehaves as real ones do: it pages, it asks to wait, and it writes a trace of rain as `T`.

`python -m chartly.cli.demo.weather_api --port 8099` serves `GET /v1/weather?page=1&per_page=1000` on loopback.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chartly.cli.demo.data import package_file

TRACES = 37
BUSY_PAGE = 5
RETRY_AFTER_SECONDS = 2
_TEXTS = ("origin", "time_hour")
_MOST_PER_PAGE = 1000


def weather(path: Path) -> list[dict[str, Any]]:
    """Return the rows as the API sends them: the first 37 without rain have a trace, `T`, where others have 0."""
    with path.open(newline="") as file:
        return list(_with_traces(_row(row) for row in csv.DictReader(file)))


def _row(row: dict[str, str]) -> dict[str, Any]:
    return {name: _value(name, text) for name, text in row.items()}


def _value(name: str, text: str) -> Any:
    if text == "NA":
        return None
    return text if name in _TEXTS else json.loads(text)


def _with_traces(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    left = TRACES
    for row in rows:
        if left and row["precip"] == 0:
            left -= 1
            row["precip"] = "T"
        yield row


class WeatherApi(ThreadingHTTPServer):
    """Serves rows in pages; the first request for BUSY_PAGE is answered with 429."""

    def __init__(self, port: int, rows: list[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.rows = rows
        self.has_asked_to_wait = False


class _Handler(BaseHTTPRequestHandler):
    server: WeatherApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
        page, size = int(asked.get("page", 1)), min(int(asked.get("per_page", 100)), _MOST_PER_PAGE)
        if address.path != "/v1/weather" or page < 1 or size < 1:
            self._answer(404, {"error": "try /v1/weather?page=1&per_page=1000"})
        elif page == BUSY_PAGE and not self.server.has_asked_to_wait:
            self.server.has_asked_to_wait = True
            self._answer(429, {"error": "too many requests"}, {"Retry-After": str(RETRY_AFTER_SECONDS)})
        else:
            rows = self.server.rows
            pages = -(-len(rows) // size)
            self._answer(200, {"page": page, "pages": pages, "data": rows[(page - 1) * size : page * size]})

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the demo's screen for the demo."""


def main() -> None:
    """Serve until the process ends; say so on standard output once requests are taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    with WeatherApi(parser.parse_args().port, weather(package_file("weather.csv"))) as server:
        print("serving", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
