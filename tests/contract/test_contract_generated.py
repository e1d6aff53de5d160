"""What is generated and committed is what the contracts say now."""

from pathlib import Path

import pytest
from chartly.tools.gen.__main__ import generated
from chartly.tools.gen.image import Image, compile_protos

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def image() -> Image:
    return compile_protos(ROOT / "proto")


@pytest.fixture(scope="module")
def fresh(image: Image) -> dict[str, dict[str, bytes]]:
    return dict(generated(image))


@pytest.mark.parametrize("folder", ["python", "descriptors", "policy", "docs"])
def test_folder_equals_a_fresh_generation(fresh: dict[str, dict[str, bytes]], folder: str) -> None:
    root = ROOT / "gen" / folder
    committed = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {path.relative_to(root).as_posix(): path.read_bytes() for path in committed} == fresh[folder]


def test_generating_twice_gives_the_same_bytes(image: Image, fresh: dict[str, dict[str, bytes]]) -> None:
    assert dict(generated(image)) == fresh
