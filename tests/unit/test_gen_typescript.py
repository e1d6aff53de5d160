"""TypeScript stubs where the machine has no npm."""

from pathlib import Path

import pytest
from chartly.tools.gen.__main__ import sdk_stubs
from chartly.tools.gen.image import compile_protos

ROOT = Path(__file__).parents[2]


def test_without_npm_the_committed_stubs_stay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = compile_protos(ROOT / "proto")
    monkeypatch.setenv("PATH", "")
    assert "typescript" not in {folder.parent.name for folder, _ in sdk_stubs(image, ROOT / "sdk")}
    assert "gen: no npm here, so sdk/typescript/gen is left as it is\n" in capsys.readouterr().out
