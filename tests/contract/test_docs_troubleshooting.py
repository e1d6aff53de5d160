"""docs/TROUBLESHOOTING.md speaks of reasons that exist and quotes messages that the code can print."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.run.v1.run_pb2 import RecordErrorReason
from docs_pages import ROOT, read, rows, section, spans

PAGE = read("docs/TROUBLESHOOTING.md")
REASONS = {name.removeprefix("ERROR_REASON_") for name, _ in ErrorReason.items()}
RECORD_REASONS = {name.removeprefix("RECORD_ERROR_REASON_") for name, _ in RecordErrorReason.items()} - {"UNSPECIFIED"}
NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
# What others print: Python, and the transcoder of Envoy.
OF_OTHERS = (
    "ensurepip is not available",
    "ModuleNotFoundError: No module named 'chartly.cli'",
    'Could not find field "…"',
)
# What only the mesh's own processes meet, so that no user can.
INNER = {
    "UNSPECIFIED", "FENCING_TOKEN_STALE", "RECEIPT_MISMATCH", "STAGED_FILE_INVALID", "STAGE_NOT_FOUND",
}  # fmt: skip


@cache
def printable() -> str:
    """Return every text in the services' code."""
    return "\n".join(texts())


def texts() -> Iterator[str]:
    for path in (ROOT / "services" / "chartly").rglob("*.py"):
        yield from (
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
    yield (ROOT / "envoy" / "envoy.yaml.j2").read_text()


def quoted() -> list[str]:
    """Return the messages in the first column of the tables."""
    return [span for cells in rows(PAGE) if len(cells) == 3 for span in spans(cells[0]) if not NAME.fullmatch(span)]


def test_every_reason_that_is_named_exists() -> None:
    named = {span for span in spans(PAGE) if NAME.fullmatch(span) and not span.startswith("CHARTLY_")}
    assert named
    assert named <= REASONS | RECORD_REASONS | {f"ERROR_REASON_{name}" for name in REASONS}


def test_every_reason_that_a_user_can_meet_is_named() -> None:
    missing = REASONS - INNER - set(spans(PAGE))
    assert {name for name in missing if not name.endswith("_NOT_FOUND")} == set()


def test_every_reason_of_a_record_is_named() -> None:
    assert set(spans(section(PAGE, "## Quarantine"))) >= RECORD_REASONS


@pytest.mark.parametrize("message", [message for message in quoted() if message not in OF_OTHERS])
def test_every_message_is_one_that_the_code_can_print(message: str) -> None:
    pieces = [piece.strip(' "') for piece in message.split("…")]
    assert [piece for piece in pieces if len(piece) > 1 and piece not in printable()] == []
