"""Peer `dlt`: a resource that yields each parsed page, Parquet files, DuckDB. Arguments: the server's URL, a folder."""

import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main() -> None:
    """Load, and print the seconds."""
    url, folder = sys.argv[1], Path(sys.argv[2])
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    import dlt

    @dlt.resource(name="flights")
    def flights() -> Iterator[list[dict[str, Any]]]:
        page = 1
        while rows := fetched(url, page):
            yield rows
            page += 1

    pipeline = dlt.pipeline(
        "flights",
        destination=dlt.destinations.duckdb(str(folder / "flights.duckdb")),
        pipelines_dir=str(folder / "pipelines"),
    )
    began = time.perf_counter()
    pipeline.run(flights(), loader_file_format="parquet")
    seconds = time.perf_counter() - began
    with pipeline.sql_client() as client:
        count = client.execute_sql("SELECT count(*) FROM flights")
    assert count[0][0] == 336_776, count
    print(seconds)


def fetched(url: str, page: int) -> list[dict[str, Any]]:
    """Return the records of a page."""
    with urllib.request.urlopen(f"{url}/flights?page={page}") as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


if __name__ == "__main__":
    main()
