"""Environments of the peers, outside the product's: `.bench/NAME`, made once."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1] / ".bench"


def peer_python(name: str, requirements: Sequence[str]) -> Path:
    """Return the interpreter of an environment that has these packages and nothing of ours."""
    folder = ROOT / name
    python, mark = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join(requirements)
    if not mark.exists() or mark.read_text() != wanted:
        venv.create(folder, clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
        subprocess.run(command, check=True, stdout=sys.stderr)
        mark.write_text(wanted)
    return python
