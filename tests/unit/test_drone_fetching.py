"""One HTTP request against a local server that does as it is told, byte for byte."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

import pytest
from chartly.drone.egress import AllowedHost, EgressPolicy
from chartly.drone.errors import AddressRefused, DroneError, SourceAnswerInvalid, SourceUnavailable
from chartly.drone.fetching import Answer, Fetcher, Request

Respond = Callable[[bytes], "Sent"]


class RawServer:
    """Answers each request head with what `respond` gives, and counts connections."""

    def __init__(self) -> None:
        self.respond: Respond = lambda head: http(b"")
        self.heads: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads[0].start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            while head := _head_of(stream):
                self.heads.append(head)
                answer = self.respond(head)
                connection.sendall(answer.data)
                if answer.closes:
                    return


@dataclass
class Sent:
    """Bytes to send, and whether the connection is closed after them."""

    data: bytes
    closes: bool = False


def _head_of(stream: BinaryIO) -> bytes:
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line)
    return b"".join(lines)


def http(body: bytes, status: str = "200 OK", **headers: str) -> Sent:
    lines = {"content_length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value)
    return Sent(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


@pytest.fixture
def server() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.stop()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    fetcher = Fetcher(EgressPolicy([AllowedHost("127.0.0.1")]))
    yield fetcher
    fetcher.close()


def fetch(fetcher: Fetcher, url: str, *, seconds: float = 5, most: int = 1 << 30, **headers: str) -> Answer:
    return fetcher.fetch(Request(url, private_headers=headers), timeout_seconds=seconds, max_bytes=most)


def test_a_connection_is_kept_for_the_next_request(server: RawServer, fetcher: Fetcher) -> None:
    server.respond = lambda head: http(b"[1]", content_type="Application/JSON; charset=utf-8")
    answers = [fetch(fetcher, f"{server.url}/a?b=c") for _ in range(3)]
    assert [answer.body for answer in answers] == [b"[1]"] * 3
    assert answers[0].content_type == "application/json"
    assert server.connections == 1
    assert server.heads[0].startswith(f"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n".encode())


def test_a_kept_connection_that_the_server_closed_is_made_anew(server: RawServer, fetcher: Fetcher) -> None:
    answers = iter([http(b"1"), Sent(b"", closes=True), http(b"2")])
    server.respond = lambda head: next(answers)
    assert fetch(fetcher, server.url).body == b"1"
    assert fetch(fetcher, server.url).body == b"2"
    assert server.connections == 2


def test_chunked_and_unending_bodies_are_read(server: RawServer, fetcher: Fetcher) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    server.respond = lambda head: Sent(chunked)
    assert fetch(fetcher, server.url).body == b"abcde"
    server.respond = lambda head: Sent(b"HTTP/1.0 200 OK\r\n\r\nabc", closes=True)
    assert fetch(fetcher, server.url).body == b"abc"


def test_gzip_is_decoded_with_all_its_members(server: RawServer, fetcher: Fetcher) -> None:
    body = gzip.compress(b"a" * 3_000_000) + gzip.compress(b"b")
    server.respond = lambda head: http(body, content_encoding="gzip")
    assert fetch(fetcher, server.url).body == b"a" * 3_000_000 + b"b"
    assert b"accept-encoding: gzip" in server.heads[0]


@pytest.mark.parametrize("body", [gzip.compress(b"abc" * 100)[:-9], b"no gzip"])
def test_damaged_gzip_is_refused(server: RawServer, fetcher: Fetcher, body: bytes) -> None:
    server.respond = lambda head: http(body, content_encoding="gzip")
    with pytest.raises(SourceAnswerInvalid, match="gzip"):
        fetch(fetcher, server.url)


def test_an_encoding_that_was_not_asked_for_is_refused(server: RawServer, fetcher: Fetcher) -> None:
    server.respond = lambda head: http(b"x", content_encoding="br")
    with pytest.raises(SourceAnswerInvalid, match="br"):
        fetch(fetcher, server.url)


def test_a_body_beyond_the_limit_is_left(server: RawServer, fetcher: Fetcher) -> None:
    server.respond = lambda head: http(b"x" * 1000)
    assert fetch(fetcher, server.url, most=1000).body == b"x" * 1000
    assert fetch(fetcher, server.url, most=999).body is None
    server.respond = lambda head: http(gzip.compress(b"x" * 100_000_000, 1), content_encoding="gzip")
    assert fetch(fetcher, server.url, most=10_000_000).body is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "broke off its answer"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", "broke off its answer"),
        (b"SSH-2.0-OpenSSH\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "cannot be reached"),
    ],
)
def test_broken_answers_are_unavailable(server: RawServer, fetcher: Fetcher, answer: bytes, why: str) -> None:
    server.respond = lambda head: Sent(answer, closes=True)
    with pytest.raises(SourceUnavailable, match=why):
        fetch(fetcher, server.url)


def test_nobody_there_is_unavailable(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceUnavailable, match="refuses connections"):
        fetch(fetcher, f"http://127.0.0.1:{port}/")


def test_an_answer_that_drips_is_cut_off_in_time(server: RawServer, fetcher: Fetcher) -> None:
    def drip(head: bytes) -> Sent:
        connection = server._open[-1]
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        with suppress(OSError):
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.02)
        return Sent(b"", closes=True)

    server.respond = drip
    with pytest.raises(SourceUnavailable, match="did not answer in time"):
        fetch(fetcher, server.url, seconds=0.2)


def test_close_ends_what_is_under_way(server: RawServer, fetcher: Fetcher) -> None:
    asked = threading.Event()
    go_on = threading.Event()

    def hang(head: bytes) -> Sent:
        asked.set()
        go_on.wait(5)
        return Sent(b"", closes=True)

    server.respond = hang
    failures: list[DroneError] = []

    def ask() -> None:
        try:
            fetch(fetcher, server.url, seconds=30)
        except DroneError as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(5)
    fetcher.close()
    thread.join(5)
    go_on.set()
    assert not thread.is_alive()
    assert len(failures) == 1


def test_redirects_are_followed_and_private_headers_stay_home(server: RawServer, fetcher: Fetcher) -> None:
    other = RawServer()
    try:
        other.respond = lambda head: http(b"there")
        server.respond = lambda head: (
            http(b"", "302 Found", location=f"{other.url}/c")
            if b"/b" in head
            else http(b"", "301 Moved", location="b#f")
        )
        answer = fetch(fetcher, f"{server.url}/a", authorization="Bearer x")
    finally:
        other.stop()
    assert (answer.body, answer.url) == (b"there", f"{other.url}/c")
    assert [b"Bearer x" in head for head in server.heads] == [True, True]
    assert b"Bearer x" not in other.heads[0]


def test_a_redirect_is_checked_like_any_address(server: RawServer) -> None:
    server.respond = lambda head: http(b"", "302 Found", location="http://169.254.169.254/latest/meta-data")
    fetcher = Fetcher(EgressPolicy([AllowedHost("127.0.0.1", server.port)]))
    with pytest.raises(AddressRefused, match="metadata"):
        fetch(fetcher, server.url)
    fetcher.close()


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://[::1"]
)
def test_a_redirect_to_what_is_no_http_is_refused(server: RawServer, fetcher: Fetcher, location: str) -> None:
    server.respond = lambda head: http(b"", "302 Found", location=location)
    with pytest.raises(SourceAnswerInvalid):
        fetch(fetcher, server.url)


def test_redirects_without_end_are_refused(server: RawServer, fetcher: Fetcher) -> None:
    server.respond = lambda head: http(b"", "302 Found", location="/again")
    with pytest.raises(SourceAnswerInvalid, match="more than 10 times"):
        fetch(fetcher, server.url)


def test_odd_characters_of_a_url_are_quoted(server: RawServer, fetcher: Fetcher) -> None:
    fetch(fetcher, f'{server.url}/a b/ü?q=é|"&r=%20+')
    assert server.heads[0].startswith(b"GET /a%20b/%C3%BC?q=%C3%A9%7C%22&r=%20+ HTTP/1.1\r\n")
