"""The compiled contracts: our protos and all they import, as one descriptor set.

What we import comes out of Python packages: `google/protobuf` from grpcio-tools, `google/api` and `google/rpc` from
googleapis-common-protos, `buf/validate` from the descriptor inside the protovalidate wheel.
"""

import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from protovalidate._gen.buf.validate import validate_pb

# In every image, also where no contract imports them: routes, rules, and what error bodies are made of.
COMMON = (
    "buf/validate/validate.proto",
    "google/api/annotations.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
)

# `buf_extension {is_import: true}`, field 8042 of buf's ImageFile: lint and breaking leave such a file alone.
_IS_IMPORT = bytes.fromhex("d2f603020801")


class Image(NamedTuple):
    """Every file that the contracts need, in an order in which each follows what it imports.

    The bytes are protoc's own, because what Python writes depends on which extensions the process has imported.
    """

    own: frozenset[str]
    bare: bytes
    commented: bytes

    def own_files(self) -> list[FileDescriptorProto]:
        """Return our files with their comments, sorted by name."""
        files = FileDescriptorSet.FromString(self.commented).file
        return sorted((file for file in files if file.name in self.own), key=lambda file: file.name)

    def pool(self) -> DescriptorPool:
        """Return a pool of all files, in which every option is a known field, whatever the process has imported."""
        pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(self.bare).file:
            pool.Add(file)
        return pool

    def for_buf(self) -> bytes:
        """Return the image as buf reads it, with the files of others marked as imports."""
        marked = FileDescriptorSet.FromString(self.commented)
        for file in marked.file:
            if file.name not in self.own:
                file.MergeFromString(_IS_IMPORT)
        return marked.SerializeToString()


def compile_protos(root: Path) -> Image:
    """Compile every proto below `root`.

    Raises:
        subprocess.CalledProcessError: protoc refused a file and has said why on stderr.
    """
    own = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        validate, output = Path(folder, "validate.binpb"), Path(folder, "image.binpb")
        validate.write_bytes(_validate_descriptors().SerializeToString(deterministic=True))

        def descriptors(*options: str) -> bytes:
            protoc(
                f"--proto_path={root}",
                f"--proto_path={distribution('googleapis-common-protos').locate_file('')}",
                f"--descriptor_set_in={validate}",
                f"--descriptor_set_out={output}",
                "--include_imports",
                *options,
                *own,
                *COMMON,
            )
            return output.read_bytes()

        return Image(frozenset(own), descriptors(), descriptors("--include_source_info"))


def protoc(*arguments: str) -> None:
    """Run the protoc of grpcio-tools; raises CalledProcessError when it fails."""
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)


def script(name: str) -> str:
    """Return the path of a program that a package of this environment installed."""
    return str(Path(sysconfig.get_path("scripts"), name))


def _validate_descriptors() -> FileDescriptorSet:
    found: dict[str, bytes] = {}

    def add(descriptors: Iterable[Any]) -> None:
        for file in descriptors:
            add(file.dependencies)
            found[file.name] = file.proto.to_binary()

    add([validate_pb.desc()])
    return FileDescriptorSet(file=[FileDescriptorProto.FromString(file) for file in found.values()])
