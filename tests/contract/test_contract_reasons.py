"""Every ErrorReason is one that somebody raises, and that a test has seen."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason

ROOT = Path(__file__).parents[2]
REASONS = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()[1:]]
WORD = re.compile(r"\w+")


def words(*files: Path) -> set[str]:
    """Return every word in some files, a reason's without its prefix."""
    found = WORD.findall("\n".join(file.read_text() for file in files))
    return {word.removeprefix("ERROR_REASON_") for word in found}


def errors() -> Iterator[tuple[str, str, Path]]:
    """Return each class of the services that states a reason: the reason, the class, and its file."""
    for file in (ROOT / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    if isinstance(statement, ast.Assign | ast.AnnAssign) and "ERROR_REASON_" in ast.unparse(statement):
                        yield ast.unparse(statement).rpartition("ERROR_REASON_")[2], node.name, file


@pytest.fixture(scope="module")
def classes() -> dict[str, set[str]]:
    """The names of the errors of each reason."""
    found = defaultdict(set)
    for reason, name, _ in errors():
        found[reason].add(name)
    return found


def test_every_reason_is_raised_by_a_service_or_by_the_edge() -> None:
    raised = words(*(ROOT / "services").rglob("*.py"), ROOT / "envoy" / "envoy.yaml.j2")
    assert [reason for reason in REASONS if reason not in raised] == []


def test_every_error_with_a_reason_is_used() -> None:
    texts = {file: file.read_text() for file in (ROOT / "services").rglob("*.py")}
    for _, name, home in errors():
        below = texts[home].partition(f"class {name}")[2]
        others = [text for file, text in texts.items() if file != home]
        assert any(re.search(rf"\b{name}\b", text) for text in (below, *others)), name


def test_every_reason_is_seen_by_a_test(classes: dict[str, set[str]]) -> None:
    seen = words(*(file for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__)))
    assert [reason for reason in REASONS if reason not in seen and not classes[reason] & seen] == []
