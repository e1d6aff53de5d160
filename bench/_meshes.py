"""A mesh that a benchmark measures: the installed `chartly up`, in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHARTLY = str(Path(sys.executable).with_name("chartly"))
_STOP_SECONDS = 10


@dataclass(frozen=True)
class BenchMesh:
    """A running mesh."""

    process: subprocess.Popen[str]
    data_dir: Path

    @property
    def state(self) -> dict[str, Any]:
        """What it says of itself in its data folder."""
        state: dict[str, Any] = json.loads((self.data_dir / "run" / "mesh.json").read_text())
        return state

    def pss_bytes(self) -> dict[str, int]:
        """Return the proportional set size of each of its processes, that of the parent too, by name."""
        pids = {"up": self.process.pid, **self.state["processes"]}
        return {name: _pss_bytes(pid) for name, pid in pids.items()}


@contextmanager
def mesh(data_dir: Path, *flags: str, port: int = 0) -> Iterator[BenchMesh]:
    """Start a mesh and stop it in the end; it need not be ready when the block begins."""
    command = [CHARTLY, "up", "--port", str(port), "--base-port", "0", "--data-dir", str(data_dir), *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            yield BenchMesh(process, data_dir)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_SECONDS)


def until_ready(running: BenchMesh) -> None:
    """Wait until the mesh says that it is ready."""
    assert running.process.stdout is not None
    said = running.process.stdout.readline()
    if not said.startswith("ready"):
        raise SystemExit(f"the mesh did not start; see {running.data_dir / 'logs'}")


def _pss_bytes(pid: int) -> int:
    match = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024
