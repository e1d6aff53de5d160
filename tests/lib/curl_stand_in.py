"""What the API page's examples use of curl, for machines without it: `python curl_stand_in.py [OPTIONS] URL`."""

import argparse
import sys
from pathlib import Path

import httpx


def main() -> None:
    """Send one request and print the body of its answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", "--data-binary", dest="data")
    asked = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in asked.headers)
    method = asked.method or ("POST" if asked.data else "GET")
    sys.stdout.buffer.write(
        httpx.request(method, asked.url, headers=headers, content=body(asked.data), timeout=60).content
    )


def body(data: str | None) -> bytes | None:
    """Return the bytes that `-d` names: a file's behind an @, else its own."""
    if data is None:
        return None
    return Path(data[1:]).read_bytes() if data.startswith("@") else data.encode()


if __name__ == "__main__":
    main()
