"""Pairs of small contracts, and the verdicts of `buf breaking` beside ours."""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import yaml
from chartly.contracts import Finding, Layer, compare_models, compile_protos, read_model
from google.protobuf.descriptor_pb2 import FileDescriptorSet

CORPUS = Path(__file__).parents[1] / "contract/proto_corpus"
BUF = Path(sysconfig.get_path("scripts"), "buf")
# buf's WIRE_JSON holds the wire and JSON together.
CATEGORIES = {"WIRE": {Layer.WIRE}, "WIRE_JSON": {Layer.WIRE, Layer.JSON}}
_NUMBERS = "double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64"
TYPES = tuple(f"{_NUMBERS} bool string bytes E N".split())
_AROUND = "enum E {{ A = 0; }}\nmessage N {{ int32 x = 1; }}\nmessage M {{ {} a = 1; }}\n"


class Pair(NamedTuple):
    """Two contracts, as the text of a file without its syntax and package."""

    name: str
    old: str
    new: str


class Corpus(NamedTuple):
    """Both sides of all pairs, and the rules that buf says each breaks, by category."""

    names: list[str]
    old: dict[str, FileDescriptorSet]
    new: dict[str, FileDescriptorSet]
    said: dict[str, dict[str, set[str]]]


def written_pairs() -> Iterator[Pair]:
    """Yield the pairs of `proto_corpus/pairs.yaml`."""
    for name, text in yaml.safe_load((CORPUS / "pairs.yaml").read_text()).items():
        yield Pair(name, *text.split("---\n"))


def type_pairs(shape: str = "{}") -> Iterator[Pair]:
    """Yield a pair for each two field types, in a shape as `repeated {}`."""
    for old, new in permutations(TYPES, 2):
        sides = (_AROUND.format(shape.format(kind)) for kind in (old, new))
        yield Pair(f"type_{old.lower()}_to_{new.lower()}", *sides)


def compare_with_buf(pairs: Iterable[Pair], folder: Path) -> Corpus:
    """Compile all pairs, and ask buf about them; `folder` is for scratch files."""
    pairs = list(pairs)
    sides = [
        compile_protos(
            {f"pairs/{pair.name}.proto": _as_file(pair.name, body) for pair, body in zip(pairs, side, strict=True)}
        )
        for side in ([pair.old for pair in pairs], [pair.new for pair in pairs])
    ]
    images = [folder / "old.binpb", folder / "new.binpb"]
    for image, side in zip(images, sides, strict=True):
        image.write_bytes(side.with_imports().SerializeToString())
    old, new = (
        {Path(file.name).stem: FileDescriptorSet(file=[file]) for file in side.descriptors.file} for side in sides
    )
    said = {category: _buf_breaking(images[0], images[1], category) for category in CATEGORIES}
    return Corpus([pair.name for pair in pairs], old, new, said)


def _as_file(name: str, body: str) -> str:
    lines = body.splitlines()
    heads = [line for line in lines if line.startswith(("syntax", "edition"))] or ['syntax = "proto3";']
    heads += [line for line in lines if line.startswith("package")] or [f"package pairs.{name}.v1;"]
    return "\n".join([*heads, *(line for line in lines if line not in heads)])


def _buf_breaking(old: Path, new: Path, category: str) -> dict[str, set[str]]:
    config = json.dumps({"version": "v2", "breaking": {"use": [category]}})
    command = [str(BUF), "breaking", str(new), "--against", str(old), "--config", config, "--error-format", "json"]
    output = subprocess.run(command, check=False, capture_output=True, text=True)
    assert output.returncode in (0, 100), output.stderr
    said: dict[str, set[str]] = {}
    for line in output.stdout.splitlines():
        found = json.loads(line)
        said.setdefault(Path(found["path"]).stem, set()).add(found["type"])
    return said


def findings_of(corpus: Corpus, name: str) -> tuple[Finding, ...]:
    """Return what we find in a pair."""
    return compare_models(read_model(corpus.old[name]), read_model(corpus.new[name]))


def differences(corpus: Corpus) -> dict[str, str]:
    """Return each category and pair on which the verdicts on new readers differ, and what buf says there."""
    found = {}
    for name in corpus.names:
        broken: set[Layer] = {finding.layer for finding in findings_of(corpus, name) if finding.breaks_backward}
        for category, layers in CATEGORIES.items():
            ours, theirs = bool(broken & layers), name in corpus.said[category]
            if ours != theirs:
                found[f"{category} {name}"] = "buf allows" if ours else "buf refuses"
    return found


def listed_differences() -> list[dict[str, str]]:
    """Return the differences that are known, each with its reason."""
    listed: list[dict[str, str]] = yaml.safe_load((CORPUS / "differences.yaml").read_text())
    return listed


def unlisted(found: dict[str, str]) -> dict[str, str]:
    """Return the differences for which there is no reason."""
    listed = listed_differences()
    return {
        pair: verdict
        for pair, verdict in found.items()
        if not any(entry["verdict"] == verdict and fnmatch.fnmatchcase(pair, entry["pair"]) for entry in listed)
    }
