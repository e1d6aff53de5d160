"""`chartly demo`: the main job on real data, twice, beside a computation of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import nyc
import pytest
from docs_pages import blocks, read
from mesh_process import CHARTLY
from rest import Rest

# Times, speeds, the port of the edge, and the folder.
VARIABLE = [
    (r"\d+(\.\d+)? s\b", "SECONDS"),
    (r"SECONDS, [\d ]+ a second", "SPEED"),
    (r"localhost:\d+", "EDGE"),
    (r"until \d\d:\d\d", "LATER"),
    (r"data \S+   admin key \S+", "FOLDER"),
]
NAMED = re.compile(r"(profile|dataset|report) (\S+) (sha256:[0-9a-f]{12,})")


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the demo on free ports, in the data folder .chartly of a folder."""
    command = [str(CHARTLY), "demo", "--port", "0", "--base-port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHARTLY_")}
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demos(folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Two demos in one folder, the second in place of the first."""
    return [demo(folder), demo(folder)]


@pytest.fixture(scope="module")
def mesh(demos: Any, folder: Path, start_mesh: Callable[..., Any]) -> Iterator[Any]:
    """A mesh on what the second demo has left."""
    with start_mesh(folder) as running:
        yield running


def running_in(folder: Path) -> list[str]:
    """Return the commands of processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_it_ends_well_and_leaves_nothing_running(demos: list[subprocess.CompletedProcess[str]], folder: Path) -> None:
    assert [(run.returncode, run.stderr) for run in demos] == [(0, ""), (0, "")]
    assert running_in(folder) == []
    for port in (8099, int(str(re.findall(r"http://localhost:(\d+)", demos[1].stdout)[0]))):
        with socket.socket() as free, pytest.raises(ConnectionRefusedError):
            free.connect(("127.0.0.1", port))


def plain(text: str) -> list[str]:
    """Return the lines of a text without what is the machine's."""
    for pattern, name in VARIABLE:
        text = re.sub(pattern, name, text)
    return [line.rstrip() for line in text.strip().splitlines()]


def test_they_print_what_the_readme_shows(demos: list[subprocess.CompletedProcess[str]]) -> None:
    shown = plain(blocks(read("README.md").partition("<!-- demo -->")[2], "text")[0].text)
    for run in demos:
        assert plain(run.stdout)[:-1] == shown
        assert run.stdout.endswith("stopped the mesh on ./.chartly\n")


def test_two_demos_print_the_same_digests_and_no_others(demos: list[subprocess.CompletedProcess[str]]) -> None:
    first, second = (NAMED.findall(run.stdout) for run in demos)
    assert first == second
    assert [(kind, name) for kind, name, _ in first] == [
        ("profile", "nyc-flights"),
        ("dataset", "nyc-flights"),
        ("profile", "nyc-weather"),
        ("dataset", "nyc-weather"),
        ("profile", "nyc-weather"),
        ("dataset", "nyc-weather"),
        ("report", "delay-by-rain"),
        ("report", "delay-vs-weather"),
        ("dataset", "nyc-flights"),
    ]
    assert first[1] == first[-1]
    assert all(run.stdout.count("sha256:") == len(first) for run in demos)
    assert "\u00a0" not in demos[0].stdout
    assert "\u202f" not in demos[0].stdout


@pytest.mark.parametrize(
    "line",
    [
        "extracted 336 776 = delivered 336 776 + deduplicated 0 + quarantined 0 + filtered 0",
        "extracted 26 115 = delivered 26 078 + deduplicated 0 + quarantined 37 + filtered 0",
        "Paused, not failed: 127.0.0.1 asks to wait until",
        "37 quarantined, nothing truncated",
        "extracted 37 = delivered 37 + deduplicated 0 + quarantined 0 + filtered 0",
        "dry            11.43 min over 18 054 origin-hours",
        "light rain     29.14 min over 1 021 origin-hours",
        "heavy rain     43.17 min over 251 origin-hours",
        "extracted 336 776 = delivered 0 + deduplicated 336 776 + quarantined 0 + filtered 0",
    ],
)
def test_it_says_what_became_of_every_record(demos: list[subprocess.CompletedProcess[str]], line: str) -> None:
    assert all(line in run.stdout for run in demos)


def test_both_reports_equal_a_computation_of_their_own(mesh: Any) -> None:
    rows = nyc.joined(nyc.files())
    with mesh.client(key="") as client:
        by_rain, against = (Rest(client).get(f"/api/reports/{name}") for name in ("delay-by-rain", "delay-vs-weather"))
    expected = nyc.delay_by_rain(rows)
    assert [row["band"] for row in by_rain["table"]["rows"]] == ["dry", "light rain", "heavy rain"]
    for row in by_rain["table"]["rows"]:
        count, mean = expected[row["band"]]
        assert (int(row["count"]), row["values"]) == (count, [pytest.approx(mean, rel=1e-12)])
    names = ("dep_delay", *nyc.WEATHER)
    found = against["correlations"]["pairs"]
    assert [(pair["left"]["measure"], pair["right"]["measure"]) for pair in found] == list(combinations(names, 2))
    for pair, (x, y) in zip(found, combinations(names, 2), strict=True):
        values = nyc.pairs(rows, x, y)
        assert int(pair["n"]) == len(values)
        assert pair["coefficient"] == pytest.approx(nyc.pearson(values), rel=1e-12)


def test_what_it_leaves_is_what_it_printed(mesh: Any, demos: list[subprocess.CompletedProcess[str]]) -> None:
    where = {
        "profile": ("profiles", "digest"),
        "dataset": ("datasets", "digest"),
        "report": ("reports", "result_digest"),
    }
    printed = {(kind, name): digest for kind, name, digest in NAMED.findall(demos[1].stdout)}
    with mesh.client(key="") as client:
        rest = Rest(client)
        for (kind, name), digest in printed.items():
            path, field = where[kind]
            assert rest.get(f"/api/{path}/{name}")[field].startswith(digest)
        assert rest.get("/api/quarantine", profile_id="nyc-weather")["total_size"] == "0"
        assert rest.get("/api/results/summary")["total_records"] == str(336_776 + 26_115)


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".chartly").mkdir()
    (tmp_path / ".chartly" / "format").write_text("1\n")
    refused = demo(tmp_path)
    assert refused.returncode == 4
    assert ".chartly is there and was not made by a demo, so it is left alone" in refused.stderr
    assert [path.name for path in (tmp_path / ".chartly").iterdir()] == ["format"]
    assert (tmp_path / ".chartly" / "format").read_text() == "1\n"


def test_a_taken_weather_port_is_named_with_its_holder_before_anything_starts(demos: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 8099)):
        refused = demo(tmp_path)
    assert refused.returncode == 4
    assert f"port 8099 is taken by python (pid {os.getpid()})" in re.sub(r"by \S+ \(", "by python (", refused.stderr)
    assert list(tmp_path.iterdir()) == []
