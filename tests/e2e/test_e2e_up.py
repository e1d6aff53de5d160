"""`chartly up`: what it refuses, what it restarts, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from chartly.runtime.settings import PORTS


def chartly(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("chartly")), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait for a condition, and fail if it does not come about in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def running(start_mesh: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with start_mesh(tmp_path_factory.mktemp("up"), "--host-name", "mesh.example") as mesh:
        yield mesh


def test_it_says_when_it_is_ready_and_where(running: Any) -> None:
    words = running.ready.split("   ")
    assert words[0].endswith(" s")
    assert words[1:] == [
        f"http://localhost:{running.port}",
        f"data {running.data_dir}",
        f"admin key {running.data_dir}/admin.key\n",
    ]


def test_it_runs_nine_services_envoy_and_a_drone_each_with_its_log(running: Any) -> None:
    processes = running.state["processes"]
    assert set(processes) == {*PORTS, "envoy", "drone"}
    for name, pid in processes.items():
        assert is_running(pid)
        assert (running.data_dir / "logs" / f"{name}.log").exists()


def test_it_answers_to_the_host_names_that_it_was_given(running: Any) -> None:
    with running.client(key="") as client:
        assert client.get("/health", headers={"host": "mesh.example"}).status_code == 200


def test_a_second_mesh_on_the_folder_is_refused(running: Any, tmp_path: Path) -> None:
    second = chartly("up", "--port", "0", "--base-port", "0", "--data-dir", str(running.data_dir), folder=tmp_path)
    assert second.returncode == 4
    assert f"another mesh works on {running.data_dir} (pid {running.process.pid})" in second.stderr


def test_a_killed_service_starts_again_and_the_mesh_is_unhealthy_until_then(running: Any) -> None:
    killed = running.state["processes"]["registry"]
    os.kill(killed, signal.SIGKILL)
    with running.client(key="") as client:
        until(lambda: client.get("/health").status_code == 503)
        unreached = client.get("/api/profiles")
        assert unreached.status_code == 503
        assert unreached.json()["message"] == "registry does not answer; try again"
        answer = client.get("/health").json()
        assert answer["code"] == 14
        assert answer["details"][0]["metadata"]["service"] == "registry"
        down = [service for service in client.get("/api/status").json()["services"] if service["status"] == "down"]
        assert [(service["name"], service["version"]) for service in down] == [("registry", "")]
        until(lambda: client.get("/health").status_code == 200)
    assert running.state["processes"]["registry"] != killed


def test_a_killed_edge_starts_again(running: Any) -> None:
    os.kill(running.state["processes"]["envoy"], signal.SIGKILL)

    def answers() -> bool:
        try:
            return httpx.get(f"{running.url}/health").status_code == 200
        except httpx.TransportError:
            return False

    until(lambda: not answers())
    until(answers)


def test_a_stop_drains_within_five_seconds_and_leaves_no_process(
    start_mesh: Callable[..., Any], tmp_path: Path
) -> None:
    with start_mesh(tmp_path) as mesh:
        pids = mesh.state["processes"].values()
        with mesh.client() as client, client.stream("GET", "/api/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            began = time.monotonic()
            mesh.process.send_signal(signal.SIGINT)
            ended = [line for line in lines if line.startswith("event: ")]
        assert mesh.process.wait(10) == 0
        assert time.monotonic() - began < 5
        assert ended == ["event: end"]
        assert not any(map(is_running, pids))


def test_nothing_is_left_when_the_parent_is_killed(start_mesh: Callable[..., Any], tmp_path: Path) -> None:
    with start_mesh(tmp_path) as mesh:
        pids = list(mesh.state["processes"].values())
        mesh.process.kill()
        mesh.process.wait(10)
        until(lambda: not any(map(is_running, pids)))
    again = start_mesh(tmp_path)
    with again as mesh:
        assert mesh.ready.startswith("ready in ")


def test_a_detached_mesh_returns_when_it_is_ready_and_down_stops_it(tmp_path: Path) -> None:
    up = chartly("up", "--detach", "--port", "0", "--base-port", "0", folder=tmp_path)
    try:
        assert up.returncode == 0, up.stderr
        assert up.stdout.endswith("   data ./.chartly   admin key ./.chartly/admin.key\n")
        url = up.stdout.split("   ")[1]
        assert httpx.get(f"{url}/health").status_code == 200
    finally:
        down = chartly("down", folder=tmp_path)
    assert (down.returncode, down.stdout) == (0, "stopped the mesh on ./.chartly\n")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def test_a_port_of_another_mesh_comes_with_the_command_that_stops_that_mesh(running: Any, tmp_path: Path) -> None:
    taken = {"--port": running.port, "--base-port": running.state["ports"]["services"]["gateway"]}
    for flag, port in taken.items():
        up = chartly("up", "--port", "0", "--base-port", "0", flag, str(port), folder=tmp_path)
        assert up.returncode == 4
        assert up.stderr.endswith(
            f"Stop it: chartly down --data-dir {running.data_dir}. Or choose another: chartly up {flag} PORT\n"
        )


def test_the_metrics_of_each_process_stand_where_the_mesh_says(running: Any) -> None:
    ports = running.state["ports"]["metrics"]
    assert list(ports) == [*PORTS, "drone"]
    metrics = {name: httpx.get(f"http://127.0.0.1:{port}/metrics").text for name, port in ports.items()}
    assert "chartly_ingest_seconds" in metrics.pop("drone")
    assert all("chartly_call_seconds" in text for text in metrics.values())


def test_a_taken_port_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        up = chartly("up", "--port", str(port), "--base-port", "0", folder=tmp_path)
    assert up.returncode == 4
    assert up.stderr.startswith(f"port {port} is taken by ")
    assert f"(pid {os.getpid()}). Stop it, or choose another: chartly up --port PORT" in up.stderr


def test_a_folder_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    up = chartly("up", "--port", "0", "--base-port", "0", "--data-dir", "/proc/chartly", folder=tmp_path)
    assert up.returncode == 4
    assert up.stderr.startswith("the data folder /proc/chartly cannot be written (")


def test_a_folder_of_a_newer_version_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / ".chartly").mkdir()
    (tmp_path / ".chartly" / "format").write_text("2\n")
    up = chartly("up", "--port", "0", "--base-port", "0", folder=tmp_path)
    assert up.returncode == 4
    assert "has format 2" in up.stderr
    assert not (tmp_path / ".chartly" / "admin.key").exists()


def test_without_anonymous_callers_only_what_is_public_answers(start_mesh: Callable[..., Any], tmp_path: Path) -> None:
    with start_mesh(tmp_path, "--no-anonymous") as mesh, mesh.client(key="") as anonymous, mesh.client() as admin:
        assert anonymous.get("/health").status_code == 200
        refused = anonymous.get("/api/profiles")
        assert refused.status_code == 401
        assert refused.json()["details"][0]["reason"] == "ERROR_REASON_KEY_MISSING"
        assert admin.get("/api/profiles").status_code == 200
