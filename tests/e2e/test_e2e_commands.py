"""The installed `chartly` on a running mesh: what it prints, in which form, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from docs_shell import settle
from mesh_process import CHARTLY, Mesh

SHELF = """profile_id: {name}
description: Temperatures of a shelf.
source:
  file: {{path: {name}.csv}}
observed_at: {{source: at}}
dims:
  shelf: {{type: string, required: true}}
measures:
  celsius: {{type: number, unit: °C}}
primary_key: [shelf, observed_at]
"""
ROWS = "at,shelf,celsius\n2026-01-01T00:00:00Z,a,3.5\n2026-01-01T01:00:00Z,a,bad\n2026-01-01T00:00:00Z,b,4\n"
API = """profile_id: {name}
source:
  http_rest:
    url: {url}
    {auth}
    pagination: {{single_page: {{}}}}
observed_at: {{source: at}}
measures:
  n: {{type: integer}}
"""


def a_file(mesh: Mesh, name: str, content: str) -> str:
    """Write a file into the folder that the mesh's drone may read, and return its path."""
    path = mesh.data_dir.parent / name
    path.write_text(content)
    return str(path)


def a_shelf(mesh: Mesh, name: str, rows: str = ROWS) -> str:
    a_file(mesh, f"{name}.csv", rows)
    return a_file(mesh, f"{name}.yaml", SHELF.format(name=name))


class _Impatient(BaseHTTPRequestHandler):
    """Asks the first caller to wait for two seconds."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        body = json.dumps([{"at": "2026-01-01T00:00:00Z", "n": 1}]).encode()
        self.send_response(429 if self.asked == 1 else 200)
        self.send_header("retry-after", "2")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def impatient_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Impatient) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/readings"
        server.shutdown()
        thread.join()


def test_an_unknown_key_is_named_with_file_line_and_column(mesh: Mesh) -> None:
    path = a_file(mesh, "typo.yaml", SHELF.format(name="typo").replace("source:\n", "sorce:\n", 1))
    done = mesh.chartly("profile", "apply", path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f'{path}:3:1 unknown key "sorce"; did you mean "source"?' in done.stderr
    assert done.stderr.endswith("Nothing was saved.\n")
    assert mesh.chartly("profile", "show", "typo").returncode == 3


def test_validate_says_what_saving_would_change(mesh: Mesh) -> None:
    path = a_shelf(mesh, "checked")
    first = mesh.chartly("profile", "validate", path)
    assert first.returncode == 0
    assert first.stdout.startswith("+ checked 1.0.0 sha256:")
    assert mesh.chartly("profile", "apply", path).returncode == 0
    assert mesh.chartly("profile", "validate", path).stdout.startswith("= checked 1.0.0 sha256:")


def test_a_preview_shows_what_a_page_becomes_and_leaves_nothing(mesh: Mesh) -> None:
    done = mesh.chartly("profile", "preview", a_shelf(mesh, "previewed"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["shelf", "observed_at", "celsius"]
    assert lines[1].split() == ["a", "2026-01-01", "00:00", "UTC", "3.5"]
    assert lines[-2] == 'record 2: celsius "bad" is not a number'
    assert lines[-1] == "1 page, 3 records, 1 bad; nothing written"
    assert mesh.chartly("profile", "show", "previewed").returncode == 3
    assert mesh.chartly("runs", "list", "previewed").stdout.splitlines()[1:] == []


def test_a_file_that_is_not_there_is_said_where_its_path_stands(mesh: Mesh) -> None:
    path = a_file(mesh, "absent.yaml", SHELF.format(name="absent"))
    done = mesh.chartly("profile", "preview", path)
    assert done.returncode == 3
    root = mesh.data_dir.parent
    assert done.stderr == f"{path}:4:16 absent.csv does not exist below {root}. Nothing was fetched.\n"


def test_a_field_that_no_record_has_is_said_where_it_stands(mesh: Mesh) -> None:
    path = a_shelf(mesh, "lacking", "at,shelf,kelvin\n2026-01-01T00:00:00Z,a,3.5\n")
    done = mesh.chartly("profile", "preview", path)
    assert done.returncode == 4
    assert done.stderr.startswith(f'{path}:9:12 celsius: no record of page 1 has "celsius"')
    assert done.stderr.endswith(". Nothing was written.\n")


def test_a_profile_is_shown_as_it_was_written(mesh: Mesh) -> None:
    path = a_shelf(mesh, "written")
    Path(path).write_text(Path(path).read_text().replace("unit: °C", "minimum: 0, maximum: 37.5"))
    assert mesh.chartly("profile", "apply", path).returncode == 0
    shown = mesh.chartly("profile", "show", "written").stdout.splitlines()
    assert "    minimum: 0" in shown
    assert "    maximum: 37.5" in shown


def test_a_replay_by_the_revision_that_refused_says_to_mend_it_first(mesh: Mesh) -> None:
    path = a_shelf(mesh, "refusing")
    assert mesh.chartly("profile", "apply", path).returncode == 0
    assert mesh.chartly("run", "refusing").returncode == 0
    for command in (("quarantine", "replay", "refusing"), ("profile", "apply", path, "--replay")):
        said = mesh.chartly(*command).stdout
        assert (
            "nothing to replay: the profile as it is now has refused the 1 open record already. Mend it first" in said
        )
    assert mesh.chartly("quarantine", "replay", "unheard").returncode == 3


def test_a_change_that_breaks_readers_is_not_called_compatible(mesh: Mesh) -> None:
    path = a_shelf(mesh, "breaking")
    assert mesh.chartly("profile", "apply", path).returncode == 0
    Path(path).write_text(Path(path).read_text().replace("unit: °C", "unit: °C, required: true"))
    said = mesh.chartly("profile", "apply", path).stdout
    assert said.startswith("~ breaking 2.0.0 not compatible with what reads it (required now: celsius)\n")


def test_a_secret_that_is_not_declared_is_refused_where_it_stands(mesh: Mesh) -> None:
    api = API.format(name="secretive", url="https://api.example.com/issues", auth="auth: {bearer: '${SOME_TOKEN}'}")
    path = a_file(mesh, "secretive.yaml", api)
    done = mesh.chartly("profile", "preview", path)
    assert done.returncode == 4
    assert done.stderr.startswith(f"{path}:5:20 secret SOME_TOKEN is not declared for api.example.com. Declare it in ")
    assert done.stderr.endswith(" Nothing was fetched.\n")


def test_an_address_that_drones_refuse_comes_with_the_flag_that_allows_it(mesh: Mesh) -> None:
    path = a_file(mesh, "inward.yaml", API.format(name="inward", url="http://127.0.0.2:5000/x", auth=""))
    done = mesh.chartly("profile", "preview", path)
    assert done.returncode == 4
    assert done.stderr.startswith(
        "127.0.0.2 is a loopback address, which drones refuse to fetch. "
        "If you mean it: chartly up --allow-host 127.0.0.2:5000"
    )


def test_a_run_from_apply_to_replay(mesh: Mesh) -> None:
    path = a_shelf(mesh, "shelf")
    applied = mesh.chartly("profile", "apply", path)
    assert applied.returncode == 0, applied.stderr
    assert applied.stdout.startswith("+ shelf 1.0.0 sha256:")
    assert applied.stdout.endswith("   runs now\n")
    ran = mesh.chartly("run", "shelf")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0].startswith("SUCCEEDED ")
    assert "quarantined 1 + filtered 0" in ran.stdout
    listed = mesh.chartly("quarantine", "list", "shelf").stdout
    assert listed == '1 \u00d7 celsius "bad" is not a number   first: page 1, record 2\n'
    assert 'shelf: celsius "bad" is not a number' in mesh.chartly("quarantine", "list").stdout
    shown = mesh.chartly("quarantine", "show", "shelf").stdout
    assert "TYPE_MISMATCH" in shown
    assert '"celsius": "bad"' in shown
    mended = Path(path).read_text().replace("unit: °C", "unit: °C, replace: {bad: 5}")
    Path(path).write_text(mended)
    again = mesh.chartly("profile", "apply", path, "--replay")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("~ shelf 1.0.1 compatible (") or again.stdout.startswith(
        "~ shelf 1.1.0 compatible ("
    )
    assert ", delivered 1\n" in again.stdout
    records = mesh.chartly("records", "shelf", "--filter", "celsius = 5").stdout.splitlines()
    assert records[1].split() == ["a", "2026-01-01", "01:00", "UTC", "5"]
    assert "-    unit: °C" not in mesh.chartly("profile", "diff", "shelf").stdout
    assert "+    replace:" in mesh.chartly("profile", "diff", "shelf").stdout
    assert "shelf" in mesh.chartly("status").stdout


def test_run_shows_the_run_that_apply_began_once_and_then_starts_others(mesh: Mesh) -> None:
    assert mesh.chartly("profile", "apply", a_shelf(mesh, "begun")).returncode == 0
    settle(mesh.data_dir)
    first, second = (mesh.chartly("run", "begun").stdout for _ in range(2))
    assert "extracted 3 = delivered 2 + deduplicated 0 + quarantined 1" in first
    assert "extracted 3 = delivered 0 + deduplicated 2 + quarantined 1" in second
    assert len(json.loads(mesh.chartly("runs", "list", "begun", "--output", "json").stdout)["runs"]) == 2


def test_run_starts_one_when_the_profile_has_changed_since_its_first(mesh: Mesh) -> None:
    path = a_shelf(mesh, "changed")
    assert mesh.chartly("profile", "apply", path).returncode == 0
    settle(mesh.data_dir)
    Path(path).write_text(Path(path).read_text().replace("of a shelf", "of another shelf"))
    assert mesh.chartly("profile", "apply", path).returncode == 0
    assert "delivered 0 + deduplicated 2" in mesh.chartly("run", "changed").stdout


def test_a_source_that_asks_to_wait_pauses_the_run_and_says_so(mesh: Mesh, impatient_url: str) -> None:
    path = a_file(mesh, "patient.yaml", API.format(name="patient", url=impatient_url, auth=""))
    assert mesh.chartly("profile", "apply", path).returncode == 0
    done = mesh.chartly("run", "patient", "--follow")
    assert done.returncode == 0, done.stderr
    assert "Paused, not failed: 127.0.0.1 asks to wait until" in done.stderr
    assert "paused 1 time" in done.stdout
    assert "extracted 1 = delivered 1 + deduplicated 0 + quarantined 0 + filtered 0" in done.stdout


def test_a_failed_run_ends_with_1_and_its_reason(mesh: Mesh) -> None:
    path = a_file(mesh, "lost.yaml", SHELF.format(name="lost"))
    assert mesh.chartly("profile", "apply", path).returncode == 0
    done = mesh.chartly("run", "lost")
    assert done.returncode == 1
    first, second = done.stdout.splitlines()[:2]
    assert first.startswith("FAILED: lost.csv does not exist below ")
    assert second.startswith("after ")
    assert done.stdout.count("FAILED") == 1


def test_a_join_that_matches_nothing_says_why(mesh: Mesh) -> None:
    for name, day in (("left", "2026-01-01"), ("right", "2026-02-01")):
        rows = f"at,shelf,celsius\n{day}T00:00:00Z,a,1\n{day}T01:00:00Z,a,2\n"
        assert mesh.chartly("profile", "apply", a_shelf(mesh, name, rows)).returncode == 0
        assert mesh.chartly("run", name).returncode == 0
    report = {
        "name": "apart",
        "inputs": [{"profile_id": name, "measure": "celsius"} for name in ("left", "right")],
        "join": ["shelf", "observed_at"],
        "output": {"type": "correlation"},
    }
    done = mesh.chartly("report", "create", a_file(mesh, "apart.json", json.dumps(report)))
    assert done.returncode == 4
    assert "matched 0 of 2 keys" in done.stderr


def test_a_report_is_created_shown_and_exported(mesh: Mesh) -> None:
    rows = "at,shelf,celsius\n2026-01-01T00:00:00Z,a,1\n2026-01-01T01:00:00Z,a,3\n"
    assert mesh.chartly("profile", "apply", a_shelf(mesh, "averaged", rows)).returncode == 0
    assert mesh.chartly("run", "averaged").returncode == 0
    report = {
        "name": "average",
        "inputs": [{"profile_id": "averaged", "measure": "celsius"}],
        "join": ["shelf", "observed_at"],
        "output": {"type": "table", "statistic": "mean"},
    }
    created = mesh.chartly("report", "create", a_file(mesh, "average.json", json.dumps(report)))
    assert created.returncode == 0, created.stderr
    assert created.stdout.startswith("average SUCCEEDED sha256:")
    assert mesh.chartly("report", "show", "average").stdout == created.stdout
    exported = mesh.chartly("report", "export", "average", "--format", "csv").stdout.splitlines()
    assert exported[1].split(",")[-1] in ("2", "2.0")
    assert "average" in mesh.chartly("report", "list").stdout


def test_a_key_is_shown_once_and_refused_when_it_is_revoked(mesh: Mesh) -> None:
    created = mesh.chartly("key", "create", "loader", "--role", "viewer")
    assert created.returncode == 0, created.stderr
    secret = created.stdout.strip()
    key_id = created.stderr.split()[0]
    with mesh.client(key=secret) as client:
        assert client.get("/api/profiles").status_code == 200
    listed = json.loads(mesh.chartly("key", "list", "--output", "json").stdout)
    assert secret not in json.dumps(listed)
    assert key_id in {key["key_id"] for key in listed["keys"]}
    assert mesh.chartly("key", "revoke", key_id).returncode == 0
    assert f"{key_id}  loader" in mesh.chartly("key", "list").stdout
    assert "revoked 20" in mesh.chartly("key", "list").stdout


def test_json_output_is_the_answer_that_rest_gives(mesh: Mesh) -> None:
    said = json.loads(mesh.chartly("profile", "list", "--output", "json", "--limit", "1").stdout)
    with mesh.client() as client:
        answer = client.get("/api/profiles", params={"page_size": 1}).json()
    assert said == answer


def test_what_is_not_there_ends_with_3_and_what_is_refused_with_4(mesh: Mesh) -> None:
    missing = mesh.chartly("runs", "show", "r-none", "--output", "json")
    assert missing.returncode == 3
    assert json.loads(missing.stderr)["details"][0]["reason"] == "ERROR_REASON_RUN_NOT_FOUND"
    environment = {**os.environ, "CHARTLY_URL": mesh.url, "CHARTLY_DATA_DIR": "/nowhere"}
    refused = subprocess.run(
        [str(CHARTLY), "key", "list"], env=environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 4
    assert "auth.keys.read" in refused.stderr
    assert "No key was found in /nowhere/admin.key." in refused.stderr


def test_a_command_finds_the_mesh_that_runs_on_its_data_folder(mesh: Mesh) -> None:
    known = {name: value for name, value in os.environ.items() if not name.startswith("CHARTLY_")}
    command = [str(CHARTLY), "key", "list"]
    done = subprocess.run(command, env=known, cwd=mesh.data_dir.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_ledger_verifies(mesh: Mesh) -> None:
    done = mesh.chartly("audit", "verify")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": the ledger is whole\n")


def test_another_package_of_that_name_is_told_from_this_one(tmp_path: Path) -> None:
    (tmp_path / "chartly").mkdir()
    (tmp_path / "chartly" / "__init__.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([str(CHARTLY), "status"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert f"another package named chartly hides this one: {tmp_path}/chartly/__init__.py" in done.stderr
