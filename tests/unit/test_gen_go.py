"""Go stubs, with Go and without."""

from pathlib import Path

import pytest
from chartly.tools.gen.go_stubs import go_stubs
from chartly.tools.gen.image import Image, compile_protos

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "sdk" / "go"


@pytest.fixture(scope="module")
def image() -> Image:
    return compile_protos(ROOT / "proto")


def test_without_go_the_committed_stubs_stay(
    image: Image, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert go_stubs(image, MODULE, b"{}") is None
    assert capsys.readouterr().out == "gen: no go here, so sdk/go/gen is left as it is\n"


def test_the_client_embeds_the_policy_of_all_sdks() -> None:
    policy = (ROOT / "gen" / "policy" / "service_config.json").read_bytes()
    assert (MODULE / "gen" / "service_config.json").read_bytes() == policy


def test_every_contract_has_committed_stubs(image: Image) -> None:
    expected = {f"{'/'.join(Path(name).parts[2:-1])}/{Path(name).stem}.pb.go" for name in image.own}
    stubs = {path.relative_to(MODULE / "gen").as_posix() for path in MODULE.rglob("*.pb.go")}
    assert {name for name in stubs if not name.endswith("_grpc.pb.go")} == expected
