"""Seconds from the start of `chartly up` on an empty data folder to the first 200 of /health: median of 5.

Migrations and keys are part of it; byte code is compiled before, by a start that does not count.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from chartly.cli.ports import choose

from bench._meshes import mesh
from bench._reporting import show_result, show_rows

TARGET_SECONDS = 3.0
RUNS = 5


def main() -> None:
    """Measure and print."""
    _start()
    seconds = [_start() for _ in range(RUNS)]
    median = statistics.median(seconds)
    rows = [(f"start {number}", f"{each:.2f}") for number, each in enumerate(seconds, 1)]
    show_rows(("", "seconds"), [*rows, ("median", f"{median:.2f}"), ("target", f"{TARGET_SECONDS:.2f}")])
    show_result("coldstart", ours=median, peer=TARGET_SECONDS, unit="s", peer_name="target")


def _start() -> float:
    ports = choose(0, 0)
    ports.release()
    port = ports.edge
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with mesh(Path(folder, "data"), port=port) as running:
            while not _is_healthy(port):
                if running.process.poll() is not None:
                    raise SystemExit("the mesh did not start")
                time.sleep(0.005)
            return time.perf_counter() - began


def _is_healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
