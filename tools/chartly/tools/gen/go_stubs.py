"""Go stubs of the contracts, for `sdk/go`.

The plugins are the `tool`s of `sdk/go/go.mod`, so Go's module cache holds them at the versions of its `go.sum`. A machine
without Go has none: there the stubs stay as they are, and CI, which has Go, finds those that are out of date.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from chartly.tools.gen.image import Image, protoc

_PLUGINS = ("protoc-gen-go", "protoc-gen-go-grpc")


def go_stubs(image: Image, module: Path, service_config: bytes) -> dict[str, bytes] | None:
    """Return the content of each generated file by its path below `gen/` of the Go module; None on a machine without Go.

    Raises:
        subprocess.CalledProcessError: a plugin cannot be built; Go has said why on stderr.
    """
    if shutil.which("go") is None:
        print("gen: no go here, so sdk/go/gen is left as it is")
        return None
    package = f"{_module_name(module)}/gen"
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "image.binpb")
        descriptors.write_bytes(image.commented)
        output = Path(folder, "go")
        output.mkdir()
        protoc(
            f"--descriptor_set_in={descriptors}",
            *(f"--plugin={plugin}={_built(plugin, module)}" for plugin in _PLUGINS),
            *(f"--{kind}_out={output}" for kind in ("go", "go-grpc")),
            *(f"--{kind}_opt={option}" for kind in ("go", "go-grpc") for option in _options(image, package)),
            *sorted(image.own),
        )
        stubs = {path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*.go")}
    return stubs | {"service_config.json": service_config}


def _options(image: Image, package: str) -> list[str]:
    """Name the Go package of each contract, because the contracts themselves name no language."""
    return [f"module={package}", *(f"M{name}={_go_package(name, package)}" for name in sorted(image.own))]


def _go_package(proto: str, package: str) -> str:
    """Return the import path and the name, as in `…/gen/run/v1;runv1` for `chartly/api/run/v1/run.proto`."""
    area, version = Path(proto).parts[-3:-1]
    return f"{package}/{area}/{version};{area}{version}"


def _built(tool: str, module: Path) -> str:
    """Return the path of a tool of the module, built."""
    command = ["go", "tool", "-n", tool]
    return subprocess.run(command, cwd=module, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _module_name(module: Path) -> str:
    first, *_ = (module / "go.mod").read_text().splitlines()
    return first.removeprefix("module ").strip()
