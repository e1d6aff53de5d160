"""Megabytes (10^6 bytes) of all processes that `chartly up` started, as the sum of their proportional set sizes.

Measured 60 seconds after the mesh is ready, with the demo's data in place and no run.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from bench._meshes import CHARTLY, mesh, until_ready
from bench._reporting import show_result, show_rows

TARGET_MEGABYTES = 600.0
IDLE_SECONDS = 60.0


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder, "data")
        subprocess.run([CHARTLY, "demo", "--data-dir", str(data_dir)], check=True, stdout=subprocess.DEVNULL)
        with mesh(data_dir) as running:
            until_ready(running)
            time.sleep(IDLE_SECONDS)
            sizes = running.pss_bytes()
    total = sum(sizes.values()) / 1e6
    rows = [(name, f"{size / 1e6:.1f}") for name, size in sizes.items()]
    show_rows(("process", "MB"), [*rows, ("sum", f"{total:.1f}"), ("target", f"{TARGET_MEGABYTES:.1f}")])
    show_result("memory", ours=total, peer=TARGET_MEGABYTES, unit="MB", peer_name="target")


if __name__ == "__main__":
    main()
