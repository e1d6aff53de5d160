"""Starts a mesh on free ports with a little data in it, and lets schemathesis at its edge.

Usage: schemathesis_run.py ST SCRATCH, the program's path and a folder for what the meshes keep.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemathesis_examples import PROFILE, RECORDS, REPORT

ROOT = Path(__file__).parents[1]
CHARTLY = Path(sys.executable).with_name("chartly")
# Their answers never end by themselves.
EXCLUDED = ("GatewayService_WatchEvents",)
# Beside these two the hooks bring checks that know protojson and the reasons of errors, and are otherwise the same.
REPLACED = ("positive_data_acceptance", "negative_data_rejection")


def main(st: str, scratch: Path) -> int:
    """Return 0 if every check held in both runs."""
    with mesh(scratch / "closed", "--no-anonymous") as (url, key):
        closed = run(st, scratch, url, key, "--phases=examples,coverage,fuzzing", "--max-examples=15")
    with mesh(scratch / "open") as (url, _):
        opened = run(st, scratch, url, "", "--phases=coverage", "--mode=positive")
    failed = sum(failures for _, failures in (closed, opened))
    print(f"{closed[0] + opened[0] - failed} passed, {failed} failed")
    return 1 if failed else 0


def run(st: str, scratch: Path, url: str, key: str, *options: str) -> tuple[int, int]:
    """Return how many cases schemathesis tried, and how many failures and errors it has found."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(ROOT / "gen/python"), str(Path(__file__).parent))),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "KEPT": " ".join(kept(url, key)),
    }
    command = [
        st,
        "run",
        f"{url}/openapi.json",
        "--checks=all",
        f"--exclude-checks={','.join(REPLACED)}",
        "--seed=4",
        *options,
    ]
    command += [f"--exclude-operation-id={name}" for name in EXCLUDED]
    command += [
        "--continue-on-failure",
        "--no-shrink",
        "--request-timeout=60",
        "--warnings=off",
        "--output-truncate=true",
    ]
    command += (
        ["-H", f"Authorization: Bearer {key}"] if key else ["--exclude-checks=ignored_auth,missing_required_header"]
    )
    done = subprocess.run(command, cwd=scratch, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    tried = re.search(r"(\d+) generated", done.stdout)
    found = re.search(r"(\d+) unique failures", done.stdout)
    failures = int(found[1]) if found else 0
    return int(tried[1]) if tried else 0, failures if done.returncode == 0 or failures else 1


def kept(url: str, key: str) -> Iterator[str]:
    """Yield the names of what the run stands on, which no case may delete."""
    yield "tides"
    if key:
        yield from (one["key_id"] for one in json.loads(call(url, key, "GET", "/api/auth/keys"))["keys"])


@contextmanager
def mesh(folder: Path, *flags: str) -> Iterator[tuple[str, str]]:
    """Yield the URL and the admin key of a mesh with a profile, a run, a report and records in quarantine."""
    folder.mkdir()
    (folder / "tides.csv").write_text(RECORDS)
    data = folder / "data"
    chartly("up", "--detach", f"--data-dir={data}", "--port=0", "--base-port=0", *flags, cwd=folder)
    try:
        url = json.loads((data / "run/mesh.json").read_text())["url"]
        key = (data / "admin.key").read_text().strip()
        call(url, key, "POST", "/api/profiles", json.dumps(PROFILE))
        call(url, key, "POST", "/api/profiles/tides/records", RECORDS, "text/csv")
        call(url, key, "POST", "/api/profiles/tides:runNow", "{}")
        call(url, key, "POST", "/api/reports", json.dumps(REPORT))
        yield url, key
    finally:
        chartly("down", f"--data-dir={data}", cwd=folder)


def chartly(*arguments: str, cwd: Path) -> None:
    """Run the command of this environment."""
    subprocess.run([str(CHARTLY), *arguments], cwd=cwd, check=True)


def call(url: str, key: str, method: str, path: str, body: str = "", kind: str = "application/json") -> bytes:
    """Return the answer to a request; raises HTTPError where it is refused."""
    headers = {"authorization": f"Bearer {key}", "content-type": kind}
    request = urllib.request.Request(url + path, body.encode() or None, headers, method=method)  # noqa: S310  # our own edge
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return bytes(answer.read())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
