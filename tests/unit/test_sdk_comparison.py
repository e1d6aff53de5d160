"""The runner of the conformance suite sees what is wrong with an answer, and what differs between two."""

from __future__ import annotations

from typing import Any

import pytest
from sdk_suite import Outcome, comparable, differences, unequal

RUN = {"run_id": "r-1", "receipt": {"delivered": "2"}, "rows": [1, 0.5], "late": False, "create_time": "2026"}
GOOD: list[Any] = [RUN, {}, {"receipt": {}}, {"receipt": {"delivered": "…"}}, {"rows": [1.0, 0.5]}, {"rows": "…"}]
BAD: list[Any] = [
    [],
    {"none": None, "receipt": {"delivered": 2}},
    {"receipt": {"delivered": "2", "filtered": "…"}},
    {"rows": [1]},
    {"rows": [0.5, 1]},
    {"late": 0},
    {"late": "…"},
]


@pytest.mark.parametrize("expected", GOOD)
def test_an_answer_may_say_more_than_is_expected(expected: Any) -> None:
    assert list(differences(expected, RUN, "")) == []


@pytest.mark.parametrize("expected", BAD)
def test_an_answer_may_not_say_less_or_something_else(expected: Any) -> None:
    assert list(differences(expected, RUN, ""))


def test_answers_are_compared_but_for_what_differs_by_nature() -> None:
    other = RUN | {"run_id": "r-2", "create_time": "2027"}
    assert comparable(RUN) == comparable(other)
    assert unequal([Outcome("a case", RUN, "")], [Outcome("a case", other, "")]) == {}
    for change in ({"late": 0}, {"rows": [1]}, {"more": 1}, {"receipt": {"delivered": "3"}}):
        assert list(unequal([Outcome("a case", RUN, "")], [Outcome("a case", other | change, "")])) == ["a case"]
