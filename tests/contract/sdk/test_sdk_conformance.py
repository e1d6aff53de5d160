"""The Python SDK gives what the conformance suite expects, with and without asyncio."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sdk_suite import Driver, Outcome, cases, run_all, unequal

SDK = Path(__file__).parents[3] / "sdk" / "python"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Outcome]]:
    """What each of the two clients gave, on a mesh of its own."""
    command = [sys.executable, "-W", "error", "-m", "conformance.driver"]
    drivers = {"sync": Driver(command, SDK), "async": Driver([*command, "--async"], SDK)}
    return run_all(drivers, tmp_path_factory.mktemp("suite"))


@pytest.mark.parametrize("way", ["sync", "async"])
def test_every_case_gives_what_it_should(outcomes: dict[str, list[Outcome]], way: str) -> None:
    assert {outcome.case: outcome.problem for outcome in outcomes[way] if outcome.problem} == {}
    assert len(outcomes[way]) == len(cases()) >= 40


def test_both_clients_give_the_same(outcomes: dict[str, list[Outcome]]) -> None:
    assert unequal(outcomes["sync"], outcomes["async"]) == {}


def test_each_operation_of_the_protocol_has_a_case() -> None:
    page = (Path(__file__).parent / "README.md").read_text()
    rows = page.partition("## Operations")[2].partition("## What only")[0].splitlines()
    named = {
        word
        for row in rows
        if row.startswith("| `")
        for word in row.split("|")[1].replace("`", "").replace(",", " ").split()
    }
    assert named == {case["do"] for case in cases()}


def test_every_case_expects_something() -> None:
    names = [case["case"] for case in cases()]
    assert len(set(names)) == len(names)
    assert all(len(case["expect"]) == 1 and case["expect"].keys() <= {"ok", "error"} for case in cases())
