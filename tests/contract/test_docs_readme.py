"""The README says what the contracts, the code and the tree say."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from chartly import engine
from chartly.cli.demo.data import document
from chartly.runtime.settings import PORTS
from chartly.tools.gen.image import Image, compile_protos
from docs_pages import ROOT, blocks, read, rows, section

README = read("README.md")
SERVICES = {cells[0]: cells for cells in rows(section(README, "## The services"))}
SERVICE_FIELD = 6  # of a FileDescriptorProto; with an index the path of a service's comment


@pytest.fixture(scope="module")
def image() -> Image:
    return compile_protos(ROOT / "proto")


def stubs_used_in(package: str) -> set[str]:
    """Return the services whose stubs a package's code names, as in `StorageServiceStub`."""
    used = set()
    for path in (ROOT / "services" / "chartly" / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if name.endswith("ServiceStub"):
                used.add(name.removesuffix("ServiceStub").lower())
    return used


def test_the_table_has_all_services_with_their_ports() -> None:
    assert {name: int(cells[1]) for name, cells in SERVICES.items()} == PORTS


@pytest.mark.parametrize("service", PORTS)
def test_a_row_says_the_first_sentence_of_the_contract(image: Image, service: str) -> None:
    file = next(file for file in image.own_files() if file.name == f"chartly/api/{service}/v1/{service}.proto")
    comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
    sentence = re.match(r".*?\.(?=\s|$)", " ".join(comments[SERVICE_FIELD, 0].split()))
    assert sentence is not None
    assert SERVICES[service][2] == sentence[0]


@pytest.mark.parametrize("service", PORTS)
def test_a_row_names_the_services_that_its_code_calls(service: str) -> None:
    named = set(re.findall(r"\w+", SERVICES[service][4])) & set(PORTS)
    assert named == stubs_used_in(service)


def test_what_every_service_calls_is_what_the_runtime_calls() -> None:
    assert stubs_used_in("runtime") == {"auth", "audit"}
    assert "every service asks auth" in README
    assert "send audit their entries" in README


def test_the_drone_calls_whom_the_text_says() -> None:
    assert stubs_used_in("drone") == {"coordinator", "storage"}
    assert "leases work from the coordinator" in README
    assert "delivers to storage" in README


def test_the_profiles_of_the_demo_have_the_digests_that_are_shown() -> None:
    shown = re.findall(r"profile (\S+) sha256:(\w+)   (\S+)", README)
    weather = document("nyc-weather.yaml")
    mended = weather.replace(b"precip: {", b"precip: {replace: {T: 0}, ")
    texts = [(document("nyc-flights.yaml"), "1.0.0"), (weather, "1.0.0"), (mended, "1.1.0")]
    for (profile_id, digits, version), (text, expected_version) in zip(shown, texts, strict=True):
        profile = engine.parse_profile(text)
        profile.version = expected_version
        assert (profile_id, version) == (profile.profile_id, expected_version)
        assert engine.message_digest(profile).startswith(f"sha256:{digits}")


def test_the_tree_names_each_folder_once() -> None:
    tree = next(block.text for block in blocks(README, "text") if block.text.startswith("proto/"))
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    folders = {path.partition("/")[0] for path in tracked if "/" in path and not path.startswith(".")}
    named = [line.split()[0] for line in tree.splitlines()]
    assert {path.partition("/")[0] for path in named} == folders
    assert [path for path in named if not (ROOT / path).is_dir()] == []


def test_every_file_that_the_first_block_of_commands_needs_is_a_make_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE))
    pages = [Path(ROOT / "README.md"), *(ROOT / "docs").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert {"demo", "test", "setup"} <= named <= targets
