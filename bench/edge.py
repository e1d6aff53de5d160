"""Requests a second on `GET /api/profiles` with 32 connections (`wrk -c32`), beside the same call by gRPC to the registry.

Reported only: it says what the edge costs.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import grpc
import httpx
from chartly.api.registry.v1.registry_pb2 import ListProfilesRequest
from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

from bench._meshes import mesh, until_ready
from bench._reporting import show_result, show_rows

CONNECTIONS = 32
SECONDS = 10
PROFILES = 10
PROFILE = """
profile_id: shelf-{number}
source: {{file: {{path: shelf.csv}}}}
observed_at: {{source: at}}
measures:
  celsius: {{type: number}}
"""


def main() -> None:
    """Measure and print."""
    wrk = _wrk()
    with tempfile.TemporaryDirectory() as folder, mesh(Path(folder, "data")) as running:
        until_ready(running)
        _save_profiles(running.state["url"], (running.data_dir / "admin.key").read_text().strip())
        rest = _by_wrk(wrk, f"{running.state['url'].replace('localhost', '127.0.0.1')}/api/profiles")
        direct = asyncio.run(_by_grpc(f"127.0.0.1:{running.state['ports']['services']['registry']}"))
    rows = [("REST through the edge, wrk", f"{rest:.0f}"), ("gRPC to the registry, grpc.aio", f"{direct:.0f}")]
    show_rows((f"{CONNECTIONS} at once", "requests/s"), rows)
    show_result("edge", ours=rest, peer=direct, unit="requests/s", peer_name="direct gRPC")


def _wrk() -> str:
    if not shutil.which("wrk"):
        subprocess.run(["apt-get", "install", "--yes", "--quiet", "wrk"], check=True, stdout=subprocess.DEVNULL)
    return shutil.which("wrk") or "wrk"


def _save_profiles(url: str, key: str) -> None:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/yaml"}
    with httpx.Client(base_url=url, headers=headers) as client:
        for number in range(PROFILES):
            client.post("/api/profiles", content=PROFILE.format(number=number)).raise_for_status()


def _by_wrk(wrk: str, url: str) -> float:
    command = [wrk, f"-c{CONNECTIONS}", "-t2", f"-d{SECONDS}s", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(said)
    match = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert match is not None, said
    return float(match[1])


async def _by_grpc(target: str) -> float:
    async with grpc.aio.insecure_channel(target) as channel:
        registry = RegistryServiceStub(channel)
        until = time.perf_counter() + SECONDS
        counts = await asyncio.gather(*(_calls(registry, until) for _ in range(CONNECTIONS)))
    return sum(counts) / SECONDS


async def _calls(registry: RegistryServiceStub, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        await registry.ListProfiles(ListProfilesRequest())
        count += 1
    return count


if __name__ == "__main__":
    main()
