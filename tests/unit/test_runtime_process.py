"""What a process is made of: imports that fork, boundaries, durable files, logs."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from chartly import runtime
from chartly.runtime import boundary, files
from chartly.runtime.telemetry import JsonFormatter

IMPORTS = """
import os, sys, threading
import chartly.runtime
light = len(sys.modules)
assert not {"grpc", "sqlalchemy", "pydantic"} & set(sys.modules), "runtime alone is heavy"
for name in chartly.runtime._HOMES: getattr(chartly.runtime, name)
import grpc, asyncio
assert threading.active_count() == len(os.listdir("/proc/self/task")) == 1, "a thread before the fork"
assert asyncio.events._get_running_loop() is None
assert "alembic" not in sys.modules
"""


def test_importing_the_runtime_starts_nothing() -> None:
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)


def test_every_name_of_the_runtime_is_there() -> None:
    assert all(getattr(runtime, name) is not None for name in (*runtime._HOMES, *runtime._MODULES))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = runtime.Nothing


REACHED: list[tuple[str, str, str]] = []


def remember(kind: str, name: str, when: str) -> None:
    REACHED.append((kind, name, when))


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    REACHED.clear()
    monkeypatch.setattr(boundary._told, "hook", boundary._told.hook)
    monkeypatch.setitem(sys.modules, "hooks", sys.modules[__name__])
    boundary.install("hooks:remember")
    return REACHED


def test_a_hook_is_told_of_each_boundary_until_there_is_none(reached: list[tuple[str, str, str]]) -> None:
    with boundary.around("delta", "nyc-flights"):
        boundary.reached("file", "page", "before")
    with pytest.raises(ZeroDivisionError), boundary.around("delta", "failing"):
        raise ZeroDivisionError
    boundary.install(None)
    boundary.reached("file", "page", "after")
    assert reached == [
        ("delta", "nyc-flights", "before"),
        ("file", "page", "before"),
        ("delta", "nyc-flights", "after"),
        ("delta", "failing", "before"),
    ]


def test_a_file_is_there_whole_with_its_mode(tmp_path: Path, reached: list[tuple[str, str, str]]) -> None:
    path = tmp_path / "admin.key"
    files.write_durably(path, b"first", mode=0o600)
    files.write_durably(path, b"second", mode=0o600, name="key")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert reached == [("file", name, when) for name in ("admin.key", "key") for when in ("before", "after")]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data"
    files.write_durably(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_line_is_json_with_a_stack(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("ü\n")
    except ValueError:
        logging.getLogger("x").exception("it %s", "broke", extra={"path": Path("a")})
    line = JsonFormatter("audit").format(caplog.records[0])
    read = json.loads(line)
    assert "\n" not in line
    assert (read["level"], read["service"], read["logger"], read["message"]) == ("error", "audit", "x", "it broke")
    assert (read["path"], "ValueError: ü" in read["stack"], "request_id" in read) == ("a", True, False)
    assert read["time"].endswith("+00:00")
