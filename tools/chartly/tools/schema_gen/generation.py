"""All that `chartly schema-gen` makes from a descriptor set, and how a checkout differs from it."""

from collections.abc import Iterator
from hashlib import sha256
from json import JSONDecodeError, loads
from pathlib import Path
from typing import NamedTuple

from chartly.contracts.messages.source import is_foreign
from chartly.tools.gen.image import Image
from chartly.tools.schema_gen.openapi import openapi
from chartly.tools.schema_gen.reference import schemas_page
from chartly.tools.schema_gen.schemas import MANIFEST, SUFFIX, schema_files
from google.protobuf.descriptor_pb2 import FileDescriptorSet

CONTRACTS = "contracts"
#: Made for the contracts of the mesh; those of others have no such reasons and no edge.
_MESH = "chartly/api/errors/v1/error_reason.proto"


class Drift(NamedTuple):
    """A file that is not what the contracts say, and in which way."""

    path: str
    reason: str


def image_of(descriptors: bytes) -> Image:
    """Return the image that a descriptor set is, with all files but those of google and buf as its own."""
    names = [file.name for file in FileDescriptorSet.FromString(descriptors).file]
    return Image(frozenset(name for name in names if not is_foreign(name)), descriptors, descriptors)


def generated(image: Image) -> dict[str, bytes]:
    """Return the content of every file, by its path below the root of a checkout."""
    files = {f"{CONTRACTS}/{name}": content for name, content in schema_files(image.commented).items()}
    files["gen/docs/schemas.md"] = schemas_page(image.commented).encode()
    if _MESH in image.own:
        files["gen/openapi/openapi.json"] = openapi(image)
    return files


def drift(root: Path, files: dict[str, bytes]) -> Iterator[Drift]:
    """Yield each file below `root` that differs from `files`, and each schema that none of them is, by path."""
    noted = _noted_digests(root / CONTRACTS / MANIFEST)
    for path, content in sorted(files.items()):
        found = root / path
        if not found.is_file():
            yield Drift(path, "missing: no such file")
        elif found.read_bytes() != content:
            yield Drift(path, _difference(found, noted))
    for found in sorted((root / CONTRACTS).glob(f"*{SUFFIX}")):
        path = found.relative_to(root).as_posix()
        if path not in files:
            yield Drift(path, "unexpected: the contracts have no such message")


def _difference(found: Path, noted: dict[str, str]) -> str:
    is_edited = found.name in noted and noted[found.name] != f"sha256:{sha256(found.read_bytes()).hexdigest()}"
    if is_edited:
        return "differs: it was edited by hand, the manifest has another digest"
    return "stale: the contracts have changed since it was made"


def _noted_digests(manifest: Path) -> dict[str, str]:
    try:
        digests: dict[str, str] = loads(manifest.read_bytes())["files"]
    except (OSError, JSONDecodeError, KeyError, TypeError):
        return {}
    return digests
