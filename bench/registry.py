"""10 000 contracts with 10 revisions each, by gRPC to the registry of a running mesh.

First how many are registered a second by 32 callers, then how long one caller waits for one of them, and for a check of another
revision. In between, the ledger gets the entries that still wait for it. The peers are the targets. `REGISTRY_CONTRACTS` makes
it smaller.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import grpc
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from google.api.httpbody_pb2 import HttpBody

from bench._meshes import mesh, until_ready
from bench._reporting import show_result, show_rows

CONTRACTS = int(os.environ.get("REGISTRY_CONTRACTS", "10000"))
REVISIONS = 10
CONNECTIONS = 32
CALLS = 5000
TARGETS = {"revisions/s": 500.0, "ms get p99": 5.0, "ms check p99": 20.0}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, mesh(Path(folder, "data")) as running:
        until_ready(running)
        key = (running.data_dir / "admin.key").read_text().strip()
        address = f"127.0.0.1:{running.state['ports']['services']['registry']}"
        figures = asyncio.run(_measure(address, key, running.data_dir / "registry.sqlite"))
    show_rows(("", "ours", "target"), [(name, f"{figures[name]:.1f}", f"{TARGETS[name]:.0f}") for name in TARGETS])
    for name, target in TARGETS.items():
        show_result("registry", ours=figures[name], peer=target, unit=name, peer_name="target")


async def _measure(address: str, key: str, tables: Path) -> dict[str, float]:
    headers = (("authorization", f"Bearer {key}"),)
    async with grpc.aio.insecure_channel(address) as channel:
        registry = RegistryServiceStub(channel)

        async def save(number: int, revision: int) -> None:
            request = pb.CreateContractRevisionRequest(contract_id=_name(number), body=_body(number, revision))
            await registry.CreateContractRevision(request, metadata=headers)

        async def get(number: int) -> None:
            request = pb.GetContractRevisionRequest(contract_id=_name(number), version="1")
            await registry.GetContractRevision(request, metadata=headers)

        async def check(number: int) -> None:
            request = pb.CheckCompatibilityRequest(contract_id=_name(number), body=_body(number, REVISIONS + 1))
            await registry.CheckCompatibility(request, metadata=headers)

        rate = await _registered(save)
        await asyncio.to_thread(_deliver, tables)
        return {"revisions/s": rate, "ms get p99": await _p99_ms(get), "ms check p99": await _p99_ms(check)}


async def _registered(save: Callable[[int, int], Awaitable[None]]) -> float:
    """Return how many revisions a second are saved; each caller saves those of one contract, then those of another."""

    async def some(first: int) -> None:
        for number in range(first, CONTRACTS, CONNECTIONS):
            for revision in range(1, REVISIONS + 1):
                await save(number, revision)

    began = time.perf_counter()
    await asyncio.gather(*map(some, range(CONNECTIONS)))
    return CONTRACTS * REVISIONS / (time.perf_counter() - began)


def _deliver(tables: Path) -> None:
    """Wait until the ledger has all entries of the registry, and print how many it lacked."""
    began = time.perf_counter()
    with closing(sqlite3.connect(f"file:{tables}?mode=ro", uri=True)) as connection:
        first = _waiting(connection)
        while _waiting(connection):
            time.sleep(0.2)
    print(f"{first} ledger entries were still to be delivered, which took {time.perf_counter() - began:.1f} s")


def _waiting(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM outbox").fetchone()[0]
    return count


async def _p99_ms(call: Callable[[int], Awaitable[None]]) -> float:
    """Return the 99th percentile of a call's duration, one call at a time, on contracts in no order."""
    numbers = random.Random(0)
    took = []
    for _ in range(CALLS):
        number = numbers.randrange(CONTRACTS)
        began = time.perf_counter()
        await call(number)
        took.append(time.perf_counter() - began)
    return sorted(took)[len(took) * 99 // 100] * 1000


def _name(number: int) -> str:
    return f"bench-{number:05d}"


def _body(number: int, revision: int) -> HttpBody:
    """Return a JSON Schema of ten fields, with one more for each revision after the first."""
    fields = [f"field_{number % 100}_{index}" for index in range(9 + revision)]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _name(number),
        "type": "object",
        "properties": {name: {"type": "string", "description": f"The {name}.", "maxLength": 100} for name in fields},
        "required": fields[:5],
        "additionalProperties": False,
    }
    return HttpBody(content_type="application/schema+json", data=json.dumps(schema).encode())


if __name__ == "__main__":
    main()
