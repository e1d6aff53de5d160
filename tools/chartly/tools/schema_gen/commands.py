"""What `chartly schema-gen` does, apart from how it is called."""

import subprocess
from pathlib import Path

from chartly.contracts import compare_protos
from chartly.contracts.report import Finding, bump
from chartly.engine import Bump
from chartly.tools.gen import output
from chartly.tools.gen.image import Image, compile_protos
from chartly.tools.schema_gen.generation import Drift, drift, generated, image_of
from google.protobuf.descriptor_pb2 import FileDescriptorSet


class NoContracts(Exception):
    """There is nothing to read, or protoc refused it; the message says what to do."""


def load(descriptors: Path | None, root: Path) -> Image:
    """Return the contracts: those of a descriptor set, or the protos below `root`.

    Raises:
        NoContracts: there are none, or protoc has refused them and said why on stderr.
    """
    if descriptors is not None:
        return image_of(descriptors.read_bytes())
    if not (root / "proto").is_dir():
        raise NoContracts(
            f"{root / 'proto'} is no folder; run this in a checkout, or name a descriptor set by --descriptors"
        )
    try:
        return compile_protos(root / "proto")
    except subprocess.CalledProcessError:
        raise NoContracts("protoc refused the contracts, for the reasons above") from None


def generate(image: Image, root: Path) -> int:
    """Write every file below `root`, remove the schemas of messages that are gone, and return how many changed."""
    files = generated(image)
    changed = sum(output.write(root / path, content) for path, content in sorted(files.items()))
    gone = [each.path for each in drift(root, files)]
    for path in gone:
        (root / path).unlink()
    return changed + len(gone)


def verify(image: Image, root: Path) -> list[Drift]:
    """Return what is not as the contracts say."""
    return list(drift(root, generated(image)))


def diff(image: Image, baseline: Path) -> tuple[list[Finding], bool]:
    """Return what has changed since the baseline, and whether all of it is compatible.

    Raises:
        NoContracts: there is no baseline.
    """
    if not baseline.is_file():
        raise NoContracts(f"{baseline} is no file; make gen writes the baseline")
    old = FileDescriptorSet.FromString(baseline.read_bytes())
    findings = list(compare_protos(old, FileDescriptorSet.FromString(image.bare)))
    return findings, not findings or bump(findings) is not Bump.MAJOR
