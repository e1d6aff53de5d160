"""Secrets: declared, for hosts, and never seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from chartly.api.profile.v1 import profile_pb2
from chartly.drone.errors import SecretNotDeclared, SecretNotForHost
from chartly.drone.secrets import Secrets

VALUE = "ghx-0123456789/abc"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.yaml"
    path.write_text("GITHUB_TOKEN: {hosts: [api.github.com], env: GH}\nODD: [1]\n")
    path.chmod(0o600)
    return path


def secrets(path: Path, **environment: str) -> Secrets:
    profile = profile_pb2.Profile(profile_id="arrow-issues")
    profile.source.http_rest.auth.bearer = "${OTHER}"
    return Secrets(path, profile, environment)


def test_a_declared_secret_is_filled_in_for_its_host(path: Path) -> None:
    assert secrets(path, GH=VALUE).fill("token ${GITHUB_TOKEN}!", "API.github.com") == f"token {VALUE}!"


def test_text_without_references_needs_no_file(tmp_path: Path) -> None:
    assert secrets(tmp_path / "none.yaml").fill("$HOME ${lower}", "example.com") == "$HOME ${lower}"


def test_an_undeclared_secret_says_where_to_declare_it(path: Path) -> None:
    with pytest.raises(SecretNotDeclared) as caught:
        secrets(path, OTHER="x").fill("${OTHER}", "api.github.com")
    assert caught.value.message == (
        f"secret OTHER is not declared for api.github.com. Declare it in {path}, "
        "then: chartly run arrow-issues. Nothing was fetched."
    )
    [violation] = caught.value.violations
    assert (violation.field, violation.description) == ("source.http_rest.auth.bearer", caught.value.message)


def test_the_file_is_named_as_seen_from_the_current_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with pytest.raises(SecretNotDeclared, match=r"Declare it in \./secrets\.yaml, then"):
        secrets(path).fill("${OTHER}", "api.github.com")


def test_the_environment_is_reached_by_declarations_only(path: Path) -> None:
    with pytest.raises(SecretNotDeclared):
        secrets(path, PATH="/bin").fill("${PATH}", "api.github.com")


def test_another_host_is_refused(path: Path) -> None:
    with pytest.raises(SecretNotForHost, match=r"declared, but not for example\.com"):
        secrets(path, GH=VALUE).fill("${GITHUB_TOKEN}", "example.com")


@pytest.mark.parametrize("value", ["a\nb", "a\x00b"])
def test_a_value_that_no_header_can_carry_is_refused(path: Path, value: str) -> None:
    with pytest.raises(SecretNotDeclared, match="control characters"):
        secrets(path, GH=value).fill("${GITHUB_TOKEN}", "api.github.com")


@pytest.mark.parametrize("environment", [{}, {"GH": " "}])
def test_a_variable_that_is_not_set_is_named(path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(SecretNotDeclared, match="no variable GH"):
        secrets(path, **environment).fill("${GITHUB_TOKEN}", "api.github.com")


def test_a_declaration_of_another_shape_declares_nothing(path: Path) -> None:
    with pytest.raises(SecretNotForHost):
        secrets(path, GH=VALUE).fill("${ODD}", "api.github.com")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_file_that_others_can_read_is_not_used(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(SecretNotDeclared, match="chmod 600"):
        secrets(path, GH=VALUE).fill("${GITHUB_TOKEN}", "api.github.com")


@pytest.mark.parametrize("content", ["a: [", "- a", ""])
def test_a_file_that_cannot_be_read_declares_nothing(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(SecretNotDeclared):
        secrets(path, GH=VALUE).fill("${GITHUB_TOKEN}", "api.github.com")


def test_used_values_are_redacted_also_when_quoted(path: Path) -> None:
    used = secrets(path, GH=VALUE)
    assert used.redact(VALUE) == VALUE
    used.fill("${GITHUB_TOKEN}", "api.github.com")
    assert used.redact(f"at ?token=ghx-0123456789%2Fabc and {VALUE}") == "at ?token=[GITHUB_TOKEN] and [GITHUB_TOKEN]"
    assert used.redact_bytes(b"x" + VALUE.encode()) == b"x[GITHUB_TOKEN]"
