"""`chartly demo` prints what the README shows, down to the digests, and leaves nothing running."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from docs_pages import blocks, read
from mesh_process import CHARTLY

# Times, speeds, the port of the edge, and the folder.
VARIABLE = [
    (r"\d+(\.\d+)? s\b", "SECONDS"),
    (r"SECONDS, [\d ]+ a second", "SPEED"),
    (r"localhost:\d+", "EDGE"),
    (r"until \d\d:\d\d", "LATER"),
    (r"data \S+   admin key \S+", "FOLDER"),
]


def plain(text: str) -> list[str]:
    """Return the lines of a text without what is the machine's."""
    for pattern, name in VARIABLE:
        text = re.sub(pattern, name, text)
    return [line.rstrip() for line in text.strip().splitlines()]


def demo(data_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [str(CHARTLY), "demo", "--port", "0", "--base-port", "0", "--data-dir", str(data_dir)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)


def test_the_demo_prints_what_the_readme_shows_each_time_it_runs(tmp_path: Path) -> None:
    shown = plain(blocks(read("README.md").partition("<!-- demo -->")[2], "text")[0].text)
    for _ in range(2):
        ended = demo(tmp_path / "data")
        assert ended.returncode == 0, ended.stderr
        assert plain(ended.stdout)[:-1] == shown
        assert ended.stdout.endswith(f"stopped the mesh on {tmp_path}/data\n")
    assert down(tmp_path / "data").startswith("nothing runs")


def down(data_dir: Path) -> str:
    command = [str(CHARTLY), "down", "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_demo_leaves_a_folder_alone_that_is_not_a_demos(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("data")
    ended = demo(tmp_path / "mine")
    assert ended.returncode == 4
    assert "was not made by a demo, so it is left alone" in ended.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["precious"]
