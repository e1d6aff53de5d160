"""`chartly schema-gen`: what it writes is a pure function of the contracts, and whatever differs from it is named."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import jsonschema
import pytest
from chartly.cli.main import cli
from chartly.tools.gen.image import Image, compile_protos
from chartly.tools.schema_gen import commands
from chartly.tools.schema_gen.generation import generated, image_of
from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[2]
BASELINE = ROOT / "contracts" / "baseline.binpb"
RUN = "proto/chartly/api/run/v1/run.proto"
RECEIPT = "contracts/chartly.api.run.v1.Receipt.schema.json"
PAGE, OPENAPI, MANIFEST = "gen/docs/schemas.md", "gen/openapi/openapi.json", "contracts/manifest.json"


@pytest.fixture(scope="module")
def image() -> Image:
    return compile_protos(ROOT / "proto")


@pytest.fixture(scope="module")
def fresh(image: Image) -> dict[str, bytes]:
    return generated(image)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the contracts and of what is made from them."""
    for folder in ("proto", "contracts", "gen/openapi", "gen/docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def schema_gen(*words: object) -> Result:
    return CliRunner().invoke(cli, ["schema-gen", *map(str, words)])


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def drift(checkout: Path) -> dict[str, str]:
    """Return the reason for each file that differs, without its sentence."""
    found = commands.verify(compile_protos(checkout / "proto"), checkout)
    return {each.path: each.reason.partition(":")[0] for each in found}


def test_what_is_committed_is_a_fresh_generation(image: Image) -> None:
    assert commands.verify(image, ROOT) == []


def test_every_message_has_a_schema_that_is_one(image: Image, fresh: dict[str, bytes]) -> None:
    names = {message.name for file in image.own_files() for message in file.message_type}
    files = {path: json.loads(content) for path, content in fresh.items() if path.endswith(".schema.json")}
    assert names <= {path.removesuffix(".schema.json").rpartition(".")[2] for path in files}
    for path, schema in files.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$id"].endswith(path)
        assert schema["description"]


def test_the_manifest_has_the_digest_of_every_schema(fresh: dict[str, bytes]) -> None:
    digests = json.loads(fresh[MANIFEST])["files"]
    files = {
        path.removeprefix("contracts/"): content for path, content in fresh.items() if path.endswith(".schema.json")
    }
    assert digests == {name: f"sha256:{sha256(content).hexdigest()}" for name, content in files.items()}
    assert list(digests) == sorted(digests)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("// Records decoded from the source.", "// Records that were decoded.", {RECEIPT, PAGE, OPENAPI}),
        (
            "int64 pages = 6 [(buf.validate.field).int64.gte = 0]",
            "int64 pages = 6 [(buf.validate.field).int64.gte = 1]",
            {RECEIPT, PAGE},
        ),
    ],
    ids=["a comment", "a rule"],
)
def test_an_edit_of_the_contracts_names_the_files_that_are_stale(
    checkout: Path, before: str, after: str, expected: set[str]
) -> None:
    edit(checkout / RUN, before, after)
    assert drift(checkout).items() >= dict.fromkeys(expected, "stale").items()


def test_an_edit_of_a_route_names_the_openapi_document(checkout: Path) -> None:
    edit(
        checkout / "proto/chartly/api/aggregator/v1/aggregator.proto", '"/api/runs/{run_id}"', '"/api/passes/{run_id}"'
    )
    assert drift(checkout) == {OPENAPI: "stale"}


def test_a_file_that_is_gone_edited_or_nobody_s_is_named(checkout: Path) -> None:
    gone, edited = checkout / MANIFEST.replace("manifest", "chartly.api.run.v1.Run.schema"), checkout / RECEIPT
    gone.unlink()
    edited.write_text(edited.read_text() + "\n")
    (checkout / "contracts/chartly.api.run.v1.Old.schema.json").write_text("{}")
    assert drift(checkout) == {
        "contracts/chartly.api.run.v1.Run.schema.json": "missing",
        "contracts/chartly.api.run.v1.Old.schema.json": "unexpected",
        RECEIPT: "differs",
    }


def test_generate_mends_all_that_verify_names(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    (checkout / "contracts/chartly.api.run.v1.Old.schema.json").write_text("{}")
    (checkout / RECEIPT).unlink()
    refused = schema_gen("verify")
    assert refused.exit_code == 1
    assert f"{RECEIPT}: missing" in refused.stderr
    assert schema_gen("generate").output == "2 files changed\n"
    assert (schema_gen("verify").exit_code, schema_gen("generate").output) == (0, "0 files changed\n")


def test_the_same_descriptors_give_the_same_bytes_anywhere(
    image: Image, fresh: dict[str, bytes], tmp_path: Path
) -> None:
    descriptors = tmp_path / "image.binpb"
    descriptors.write_bytes(image.commented)
    places = [("0", "C", "UTC"), ("1", "C.UTF-8", "Asia/Kathmandu"), ("4242", "POSIX", "America/St_Johns")]
    for number, (seed, locale, zone) in enumerate(places):
        folder = tmp_path / f"Ordner {number} é"
        folder.mkdir()
        told = os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone}
        command = [
            sys.executable,
            "-m",
            "chartly.cli",
            "schema-gen",
            "generate",
            "--descriptors",
            str(descriptors),
            "--out",
            ".",
        ]
        subprocess.run(command, cwd=folder, env=told, check=True, stdout=subprocess.DEVNULL)
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in files} == fresh


def test_a_descriptor_set_of_others_gets_schemas_and_a_page(tmp_path: Path) -> None:
    theirs = compile_protos(ROOT / "tests" / "contract" / "protos")
    files = generated(image_of(theirs.commented))
    assert {"contracts/chartly.test.v1.Child.schema.json", MANIFEST, PAGE} <= files.keys()
    assert OPENAPI not in files


def test_diff_tells_a_compatible_change_from_one_that_breaks(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    assert schema_gen("diff").output == "nothing has changed\n"
    edit(
        checkout / RUN,
        "  int64 pages = 6",
        "  // Pages asked for twice.\n  int64 repeated_pages = 60;\n  // Pages.\n  int64 pages = 6",
    )
    compatible = schema_gen("diff")
    assert compatible.exit_code == 0
    assert "repeated_pages" in compatible.output
    edit(checkout / RUN, "int64 pages = 6", "string pages = 6")
    broken = schema_gen("diff")
    assert broken.exit_code == 1
    assert "chartly.api.run.v1.Receipt.pages" in broken.output


def test_diff_without_a_baseline_and_protos_that_do_not_compile_say_so(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(checkout)
    assert schema_gen("diff", "--against", "none.binpb").exit_code == 2
    (checkout / RUN).write_text("no proto")
    assert schema_gen("verify").exit_code == 2
    monkeypatch.chdir(tmp_path / "contracts")
    told = schema_gen("verify")
    assert (told.exit_code, "--descriptors" in told.stderr) == (2, True)
