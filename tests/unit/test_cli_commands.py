"""The command line as a whole: help, usage, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import grpc
import pytest
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.auth.errors import KeyInvalid
from chartly.cli.exits import EXIT_OF_CODE, Exit
from chartly.cli.main import cli
from chartly.cli.problems import refused
from chartly.cli.session import Key
from chartly.runtime import ChartlyError, status_of
from chartly.runtime.errors import STATUS_KEY
from click.testing import CliRunner, Result

HEAVY = ("duckdb", "pyarrow", "deltalake", "grpc", "google.protobuf", "sqlalchemy", "pydantic", "rich", "jinja2")


class Missing(ChartlyError):
    code = grpc.StatusCode.NOT_FOUND
    reason = ErrorReason.ERROR_REASON_RUN_NOT_FOUND


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, arguments, env=environment)


def as_call(error: ChartlyError) -> grpc.aio.AioRpcError:
    trailing = grpc.aio.Metadata((STATUS_KEY, status_of(error).SerializeToString()))
    return grpc.aio.AioRpcError(error.code, grpc.aio.Metadata(), trailing, error.message, "")


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from chartly.cli.main import cli\n"
        "try: cli(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def groups(command: click.Command, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead to each command which has others."""
    if isinstance(command, click.Group):
        yield names
        for name, child in command.commands.items():
            yield from groups(child, *names, name)


@pytest.mark.parametrize("names", list(groups(cli)), ids=" ".join)
def test_help_lists_commands_with_whole_sentences(names: tuple[str, ...]) -> None:
    assert "..." not in run(*names, "--help").output.replace("[ARGS]...", "")


def test_the_usage_of_a_service_and_of_the_drone_is_the_command_that_was_typed() -> None:
    for command in (("serve", "registry"), ("drone",)):
        assert run(*command, "--help").output.startswith(f"usage: chartly {' '.join(command)} ")


def test_usage_errors_end_with_2() -> None:
    assert run("up", "--port", "many").exit_code == Exit.INVALID
    assert run("serve", "registrar").exit_code == Exit.INVALID
    assert run("nothing").exit_code == Exit.INVALID


def test_no_mesh_at_the_url_ends_with_5_and_says_how_to_start_one(tmp_path: Path) -> None:
    result = run("key", "list", "--data-dir", str(tmp_path), CHARTLY_URL="http://127.0.0.1:9")
    assert result.exit_code == Exit.UNAVAILABLE
    assert "no mesh answers at http://127.0.0.1:9. Start one: chartly up" in result.output


def test_a_url_that_is_none_ends_with_2(tmp_path: Path) -> None:
    assert run("status", "--data-dir", str(tmp_path), CHARTLY_URL="localhost:8090").exit_code == Exit.INVALID


def test_down_without_a_mesh_says_so_and_ends_well(tmp_path: Path) -> None:
    result = run("down", "--data-dir", str(tmp_path))
    assert (result.exit_code, result.output) == (0, f"nothing runs on {tmp_path}\n")


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_grpc_code_has_an_exit_code(code: grpc.StatusCode) -> None:
    expected = EXIT_OF_CODE.get(code.name, Exit.FAILED)
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "no", "")
    with pytest.raises(SystemExit) as end:
        refused(error, url="http://localhost:8090", key=Key("", "admin.key"), output="text")
    assert end.value.code == expected != Exit.OK


def test_json_output_gives_errors_as_the_status_that_travelled(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        refused(as_call(Missing("there is no run r-1", run_id="r-1")), url="", key=Key("", ""), output="json")
    assert end.value.code == Exit.NOT_FOUND
    status = json.loads(capsys.readouterr().err)
    assert (status["code"], status["message"]) == (5, "there is no run r-1")
    assert status["details"][0]["metadata"] == {"run_id": "r-1"}


def test_a_key_that_is_refused_is_named_with_the_mesh_that_it_went_to(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        refused(
            as_call(KeyInvalid()), url="http://localhost:1", key=Key("chk_1", "./.chartly/admin.key"), output="text"
        )
    said = capsys.readouterr().err
    assert said.endswith("The key from ./.chartly/admin.key was sent to the mesh at http://localhost:1\n")
    assert "chk_1" not in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_CHARTLY_COMPLETE" in result.output
