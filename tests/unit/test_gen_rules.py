"""`make gen` refuses contracts that break a rule or, without a word, a promise."""

import shutil
from pathlib import Path

import pytest
from chartly.tools.gen.__main__ import generate

ROOT = Path(__file__).parents[2]
PROTO = """syntax = "proto3";

package chartly.api.thing.v1;

import "chartly/api/options/v1/options.proto";
import "google/api/httpbody.proto";

// Keeps things.
service ThingService {
  // Answers a thing.
  // buf:lint:ignore RPC_RESPONSE_STANDARD_NAME
  // buf:lint:ignore RPC_REQUEST_RESPONSE_UNIQUE
  rpc GetThing(GetThingRequest) returns (google.api.HttpBody) {
    option (chartly.api.options.v1.permission) = "thing.things.read";
  }
  // Answers the same thing.
  // buf:lint:ignore RPC_RESPONSE_STANDARD_NAME
  // buf:lint:ignore RPC_REQUEST_RESPONSE_UNIQUE
  rpc GetThingAgain(GetThingAgainRequest) returns (google.api.HttpBody);
}

// What to get.
message GetThingRequest {
  // Name of the thing.
  string thing_id = 1;
}

// What to get again.
message GetThingAgainRequest {}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree with one service, generated once, its contracts accepted as the baseline."""
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    shutil.copytree(ROOT / "proto/chartly/api/options", tmp_path / "proto/chartly/api/options")
    change(tmp_path, PROTO)
    assert generate(tmp_path, accept_break=True) == 0
    return tmp_path


def change(tree: Path, proto: str) -> None:
    path = tree / "proto/chartly/api/thing/v1/thing.proto"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(proto)


def contents(tree: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for name in ("gen", "contracts")
        for path in (tree / name).rglob("*.*")
        if path.is_file()
    }


def test_a_compatible_change_moves_the_baseline_and_the_stubs(tree: Path) -> None:
    change(tree, PROTO.replace("thing_id = 1;", "thing_id = 1;\n  // Its version.\n  string version = 2;"))
    before = contents(tree)
    assert generate(tree, accept_break=False) == 0
    after = contents(tree)
    moved = {path.name for path, content in after.items() if before.get(path) != content}
    assert moved == {
        "baseline.binpb",
        "chartly.binpb",
        "edge.binpb",
        "thing_pb2.py",
        "thing_pb2.pyi",
        "chartly.api.thing.v1.GetThingRequest.schema.json",
        "manifest.json",
        "schemas.md",
    }


def test_a_breaking_change_is_refused_and_writes_nothing(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change(tree, PROTO.replace("string thing_id = 1;", "int64 thing_id = 1;"))
    before = contents(tree)
    assert generate(tree, accept_break=False) == 1
    assert contents(tree) == before
    captured = capfd.readouterr()
    assert 'changed type from "string" to "int64"' in captured.out + captured.err
    assert "make accept-break" in captured.err


def test_an_accepted_break_is_the_baseline_of_the_next_generation(tree: Path) -> None:
    change(tree, PROTO.replace("string thing_id = 1;", "int64 thing_id = 1;"))
    assert generate(tree, accept_break=True) == 0
    assert generate(tree, accept_break=False) == 0


def test_a_service_that_is_removed_leaves_no_stub(tree: Path) -> None:
    shutil.rmtree(tree / "proto/chartly/api/thing")
    assert generate(tree, accept_break=True) == 0
    assert not (tree / "gen/python/chartly/api/thing").exists()


@pytest.mark.parametrize(
    ("written", "instead", "rule"),
    [
        ("// Name of the thing.", "", 'Field "thing_id" should have a non-empty comment'),
        ("thing_id", "thingId", "should be lower_snake_case"),
        ("  // buf:lint:ignore RPC_RESPONSE_STANDARD_NAME\n", "", 'RPC response type "HttpBody" should be named'),
        (
            "  // buf:lint:ignore RPC_REQUEST_RESPONSE_UNIQUE\n",
            "",
            "is used as the request or response type for multiple RPCs",
        ),
        ("string thing_id", "strin thing_id", '"strin" is not defined'),
    ],
    ids=["no comment", "field name", "answers HttpBody", "answers HttpBody twice", "no such type"],
)
def test_a_broken_rule_is_refused_and_named(
    tree: Path, capfd: pytest.CaptureFixture[str], written: str, instead: str, rule: str
) -> None:
    change(tree, PROTO.replace(written, instead))
    before = contents(tree)
    assert generate(tree, accept_break=True) == 1
    captured = capfd.readouterr()
    assert rule in captured.out + captured.err
    assert contents(tree) == before
