"""Does what a reader of a page does: pastes its blocks into one shell, one after another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import curl_stand_in
import httpx
from mesh_process import CHARTLY

END = "--- end of block ---"
SETTLED_SECONDS = 30
# `chartly`, but on ports that are free, so that a mesh of the reader's own is left alone.
STAND_IN = f"""#!/bin/sh
if [ "$1" = up ]; then shift; set -- up --port 0 --base-port 0 "$@"; fi
exec {CHARTLY} "$@"
"""


class Shell:
    """A bash that keeps its folder and variables from block to block."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self._process = process
        self._home = home

    def paste(self, block: str) -> str:
        """Run a block as it stands on the page; return what it prints.

        Raises:
            AssertionError: it ends with another code than 0.
        """
        file = self._home / "block.sh"
        file.write_text(block)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f". {file} </dev/null; echo; echo '{END}' $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(END):
                assert line.split()[-1] == "0", f"{block}\n{''.join(lines)}"
                break
            lines.append(line)
        return "".join(lines).strip()


@contextmanager
def shell(home: Path, **environment: str) -> Iterator[Shell]:
    """Run a shell whose home is a folder, with `chartly` and `curl` on its path, for the length of the block."""
    programs = home / "bin"
    programs.mkdir(parents=True)
    _write_program(programs / "chartly", STAND_IN)
    _write_program(programs / "curl", f'#!/bin/sh\nexec {sys.executable} {curl_stand_in.__file__} "$@"\n')
    known = {name: value for name, value in os.environ.items() if not name.startswith("CHARTLY_")}
    variables = {**known, "HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}", **environment}
    process = subprocess.Popen(
        ["bash"],
        cwd=home,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        yield Shell(process, home)


def settle(data_dir: Path) -> None:
    """Wait until no work of a mesh is queued or going, as a reader does who reads on before pasting the next block."""
    mesh = json.loads((data_dir / "run" / "mesh.json").read_text())
    until = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < until:
        stats = httpx.get(f"{mesh['url']}/api/drones/stats").json()
        runs = httpx.get(f"{mesh['url']}/api/runs", params={"state": "RUN_STATE_RUNNING"}).json()["runs"]
        if not runs and stats["queued_work"] == stats["leased_work"] == stats["paused_work"] == "0":
            return
        time.sleep(0.05)
    raise AssertionError("work is still going")


def matches(shown: Any, answer: Any) -> bool:
    """Whether an answer has all that a page shows: `…` stands for any text, and at a list's end for any items."""
    if shown == "…":
        return True
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(
            name in answer and matches(value, answer[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        more = shown[-1:] == ["…"]
        pairs = zip(shown[:-1] if more else shown, answer, strict=not more)
        return (more or len(shown) == len(answer)) and all(matches(*pair) for pair in pairs)
    if isinstance(shown, str) and isinstance(answer, str):
        return _text_matches(shown.split("…"), answer)
    return bool(shown == answer)


def _text_matches(pieces: list[str], text: str) -> bool:
    if len(pieces) == 1:
        return pieces[0] == text
    place = 0
    for piece in pieces[:-1]:
        found = text.find(piece, place)
        if found < 0 or (place == 0 and found and piece is pieces[0]):
            return False
        place = found + len(piece)
    return text.startswith(pieces[0]) and text[place:].endswith(pieces[-1])


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
