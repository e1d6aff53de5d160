"""Our verdicts on the wire and in JSON beside those of `buf breaking`, on many small pairs of contracts.

`proto_corpus/pairs.yaml` has pairs for every rule of buf's, and each pair of field types is added here. Where the verdicts
differ, `proto_corpus/differences.yaml` says why; a difference that it does not list fails, and so does one that is gone. All that
we find, whichever way it breaks, is in `golden/proto_findings.txt`; `make golden` writes it again.
"""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sysconfig
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from chartly.contracts import Finding, Layer, compare_models, compile_protos, read_model
from google.protobuf.descriptor_pb2 import FileDescriptorSet

CORPUS = Path(__file__).with_name("proto_corpus")
GOLDEN = Path(__file__).with_name("golden") / "proto_findings.txt"
BUF = Path(sysconfig.get_path("scripts"), "buf")
CATEGORIES = {"WIRE": Layer.WIRE, "WIRE_JSON": Layer.JSON}
SCALARS = (
    "double",
    "float",
    "int32",
    "int64",
    "uint32",
    "uint64",
    "sint32",
    "sint64",
    "fixed32",
    "fixed64",
    "sfixed32",
)
TYPES = (*SCALARS, "sfixed64", "bool", "string", "bytes", "E", "N")


class Corpus(NamedTuple):
    """Both sides of all pairs, and what buf says of each, by category."""

    old: FileDescriptorSet
    new: FileDescriptorSet
    names: list[str]
    said: dict[str, dict[str, set[str]]]


def pairs() -> Iterator[tuple[str, str, str]]:
    for name, text in yaml.safe_load((CORPUS / "pairs.yaml").read_text()).items():
        old, new = text.split("---\n")
        yield name, old, new
    around = "enum E {{ A = 0; }}\nmessage N {{ int32 x = 1; }}\nmessage M {{ {} a = 1; }}\n"
    for old, new in permutations(TYPES, 2):
        yield f"type_{old.lower()}_to_{new.lower()}", around.format(old), around.format(new)


def as_file(name: str, body: str) -> str:
    lines = body.splitlines()
    heads = [line for line in lines if line.startswith(("syntax", "edition"))] or ['syntax = "proto3";']
    heads += [line for line in lines if line.startswith("package")] or [f"package pairs.{name}.v1;"]
    return "\n".join([*heads, *(line for line in lines if line not in heads)])


def buf_breaking(old: Path, new: Path, category: str) -> dict[str, set[str]]:
    config = json.dumps({"version": "v2", "breaking": {"use": [category]}})
    command = [str(BUF), "breaking", str(new), "--against", str(old), "--config", config, "--error-format", "json"]
    output = subprocess.run(command, check=False, capture_output=True, text=True)
    assert output.returncode in (0, 100), output.stderr
    said: dict[str, set[str]] = {}
    for line in output.stdout.splitlines():
        found = json.loads(line)
        said.setdefault(Path(found["path"]).stem, set()).add(found["type"])
    return said


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    sides = [compiled(1), compiled(2)]
    for number, side in enumerate(sides, start=1):
        (folder / f"{number}.binpb").write_bytes(side.SerializeToString())
    said = {category: buf_breaking(folder / "1.binpb", folder / "2.binpb", category) for category in CATEGORIES}
    return Corpus(sides[0], sides[1], [name for name, *_ in pairs()], said)


def compiled(side: int) -> FileDescriptorSet:
    files = {f"pairs/{pair[0]}.proto": as_file(pair[0], pair[side]) for pair in pairs()}
    return compile_protos(files).with_imports()


def findings_of(corpus: Corpus, name: str) -> tuple[Finding, ...]:
    path = f"pairs/{name}.proto"
    old, new = (
        FileDescriptorSet(file=[file for file in side.file if file.name == path]) for side in (corpus.old, corpus.new)
    )
    return compare_models(read_model(old), read_model(new))


def differences(corpus: Corpus) -> dict[str, str]:
    """Each pair and category on which the verdicts differ, and how; buf's WIRE_JSON holds the wire and JSON together."""
    found = {}
    for name in corpus.names:
        broken: set[Layer] = {finding.layer for finding in findings_of(corpus, name) if finding.breaks_backward}
        for category, layers in (("WIRE", {Layer.WIRE}), ("WIRE_JSON", {Layer.WIRE, Layer.JSON})):
            ours, theirs = bool(broken & layers), name in corpus.said[category]
            if ours != theirs:
                found[f"{category} {name}"] = "buf allows" if ours else "buf refuses"
    return found


def test_verdicts_are_those_of_buf_but_for_listed_differences(corpus: Corpus) -> None:
    listed = yaml.safe_load((CORPUS / "differences.yaml").read_text())
    found = differences(corpus)
    unlisted = {
        pair: verdict
        for pair, verdict in found.items()
        if not any(entry["verdict"] == verdict and fnmatch.fnmatchcase(pair, entry["pair"]) for entry in listed)
    }
    assert unlisted == {}
    gone = [
        entry["pair"]
        for entry in listed
        if not any(found[pair] == entry["verdict"] for pair in fnmatch.filter(found, entry["pair"]))
    ]
    assert gone == []
    assert all(entry["reason"] for entry in listed)


@pytest.mark.parametrize("category", list(CATEGORIES))
def test_the_corpus_has_a_pair_for_every_rule_of_buf(corpus: Corpus, category: str) -> None:
    listing = subprocess.run([BUF, "config", "ls-breaking-rules"], check=True, capture_output=True, text=True).stdout
    rules = {line.split()[0] for line in listing.splitlines()[1:] if category in line.replace(",", " ").split()}
    broken: set[str] = set().union(*corpus.said[category].values())
    assert rules - broken == set()
    assert len(corpus.names) >= 100


def golden_lines(corpus: Corpus) -> list[str]:
    """Each finding of the written pairs as a line: pair, layer, rule, and which way it breaks."""
    ways = {(True, True): "both", (True, False): "backward", (False, True): "forward", (False, False): "neither"}
    return [
        f"{name} {one.layer} {one.rule} {ways[one.breaks_backward, one.breaks_forward]}"
        for name in corpus.names
        if not name.startswith("type_")
        for one in findings_of(corpus, name)
    ]


def test_all_findings_are_as_they_were_read(corpus: Corpus) -> None:
    assert golden_lines(corpus) == GOLDEN.read_text().splitlines()


def test_a_finding_that_breaks_says_what_to_do_and_no_other_does(corpus: Corpus) -> None:
    for name in corpus.names:
        for one in findings_of(corpus, name):
            assert bool(one.advice) is one.breaks, one


if __name__ == "__main__":
    GOLDEN.write_text(
        "\n".join(golden_lines(Corpus(compiled(1), compiled(2), [name for name, *_ in pairs()], {}))) + "\n"
    )
