"""A mesh that the installed `chartly up` runs, as tests start and see it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

CHARTLY = Path(sys.executable).with_name("chartly")
READY_SECONDS = 60
STOP_SECONDS = 10


@dataclass
class Mesh:
    """A running `chartly up` on free ports; `ready` is the line that it printed when it was."""

    process: subprocess.Popen[str]
    data_dir: Path
    ready: str

    @property
    def state(self) -> dict[str, Any]:
        """What it says of itself in its data folder: pid, url, ports, and the pid of each process by name."""
        state: dict[str, Any] = json.loads((self.data_dir / "run" / "mesh.json").read_text())
        return state

    @property
    def url(self) -> str:
        return str(self.state["url"])

    @property
    def port(self) -> int:
        return int(self.state["ports"]["edge"])

    @property
    def admin_key(self) -> str:
        return (self.data_dir / "admin.key").read_text().strip()

    def client(self, *, key: str | None = None) -> httpx.Client:
        """Return an HTTP client of the edge, as the administrator or with another key; `""` is anonymous."""
        secret = self.admin_key if key is None else key
        headers = {"authorization": f"Bearer {secret}"} if secret else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def chartly(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of the installed `chartly` on this mesh."""
        environment = {**os.environ, "CHARTLY_URL": self.url, "CHARTLY_DATA_DIR": str(self.data_dir)}
        command = [str(CHARTLY), *arguments]
        return subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running_mesh(folder: Path, *flags: str, environment: dict[str, str] | None = None) -> Iterator[Mesh]:
    """Run a mesh on free ports, with its data in a folder, for the length of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    data_dir = folder / ".chartly"
    command = [str(CHARTLY), "up", "--port", "0", "--base-port", "0", "--data-dir", str(data_dir), *flags]
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        mesh = Mesh(process, data_dir, process.stdout.readline())
        try:
            assert mesh.ready.startswith("ready in "), process.wait(STOP_SECONDS)
            yield mesh
        finally:
            mesh.stop()
