"""Python stubs, with type stubs, of the contracts and of `buf/validate`, which no wheel ships at top level."""

import re
import tempfile
from pathlib import Path

from chartly.tools.gen.image import Image, protoc, script

VALIDATE_PROTO = "buf/validate/validate.proto"


def python_stubs(image: Image) -> dict[str, bytes]:
    """Return the content of each generated file by its path below `gen/python`."""
    messages = [file.name for file in image.own_files()] + [VALIDATE_PROTO]
    services = [file.name for file in image.own_files() if file.service]
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "image.binpb")
        descriptors.write_bytes(image.commented)
        output = Path(folder, "python")
        output.mkdir()
        protoc(
            f"--descriptor_set_in={descriptors}",
            f"--python_out={output}",
            f"--plugin=protoc-gen-mypy={script('protoc-gen-mypy')}",
            f"--mypy_out=quiet,readable_stubs:{output}",
            *messages,
        )
        if services:
            protoc(
                f"--descriptor_set_in={descriptors}",
                f"--grpc_python_out={output}",
                f"--plugin=protoc-gen-mypy_grpc={script('protoc-gen-mypy_grpc')}",
                f"--mypy_grpc_out=quiet,only_async:{output}",
                *services,
            )
        return {path.relative_to(output).as_posix(): _content(path) for path in output.rglob("*") if path.is_file()}


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return _open_context(content) if path.name.endswith("_pb2_grpc.pyi") else content


def _open_context(stub: bytes) -> bytes:
    """Let a servicer name its context's type: the mesh passes its own Context, which is no `aio.ServicerContext`."""
    text = re.sub(r"context: _aio\.ServicerContext\[.*\],\n", "context: _typing.Any,\n", stub.decode())
    return text.replace("import abc as _abc_1\n", "import abc as _abc_1\nimport typing as _typing\n", 1).encode()
