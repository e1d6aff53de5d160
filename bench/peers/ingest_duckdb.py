"""Peer `duckdb`: NDJSON in one local file to one zstd Parquet file, mapped and hashed. Arguments: the file, a folder."""

import sys
import time
from pathlib import Path

import duckdb

INTEGERS = (
    "year", "month", "day", "hour", "minute", "flight", "dep_time", "sched_dep_time", "arr_time", "sched_arr_time",
)  # fmt: skip
TEXTS = ("carrier", "tailnum", "origin", "dest")
NUMBERS = ("dep_delay", "arr_delay", "air_time", "distance")
TYPES = {
    **dict.fromkeys(INTEGERS, "BIGINT"),
    **dict.fromkeys(TEXTS, "VARCHAR"),
    **dict.fromkeys(NUMBERS, "DOUBLE"),
    "time_hour": "TIMESTAMP",
}


def main() -> None:
    """Load, and print the seconds."""
    source, folder = sys.argv[1], Path(sys.argv[2])
    columns = "{" + ", ".join(f"{name}: '{type_}'" for name, type_ in TYPES.items()) + "}"
    values = ", ".join(f"{name} := {name}" for name in TYPES)
    query = f"""
        COPY (
            SELECT sha256(to_json(struct_pack({values}))) AS record_id, 'r-1' AS run_id, *
            FROM read_json('{source}', format = 'newline_delimited', columns = {columns})
        ) TO '{folder / "flights.parquet"}' (FORMAT parquet, COMPRESSION zstd)
    """
    connection = duckdb.connect()
    began = time.perf_counter()
    connection.execute(query)
    seconds = time.perf_counter() - began
    count = connection.execute(f"SELECT count(*) FROM '{folder / 'flights.parquet'}'").fetchone()
    assert count == (336_776,), count
    print(seconds)


if __name__ == "__main__":
    main()
