"""TypeScript stubs, made by the protoc-gen-es that `sdk/typescript/package-lock.json` pins.

A bare machine has no npm: there the committed stubs stay as they are.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from chartly.tools.gen.image import COMMON, Image, protoc

# What our files import, but for `google/protobuf`, which comes with @bufbuild/protobuf.
_IMPORTED = (*COMMON, "google/api/http.proto", "google/api/httpbody.proto")
_CONFIG = """\
// Deadlines and retries of every method, a gRPC service config. Made by `make gen`; edits are overwritten.

export const serviceConfig = {config} as const;
"""


def typescript_stubs(image: Image, package: Path, service_config: bytes) -> dict[str, bytes] | None:
    """Return the content of each generated file by its path below `gen/` of `package`; None on a machine without npm."""
    if shutil.which("npm") is None:
        print("gen: no npm here, so sdk/typescript/gen is left as it is")
        return None
    _install(package)
    with tempfile.TemporaryDirectory() as folder:
        descriptors, output = Path(folder, "image.binpb"), Path(folder, "typescript")
        descriptors.write_bytes(image.commented)
        output.mkdir()
        protoc(
            f"--descriptor_set_in={descriptors}",
            f"--plugin=protoc-gen-es={package / 'node_modules/.bin/protoc-gen-es'}",
            f"--es_out={output}",
            "--es_opt=target=ts,import_extension=js",
            *sorted(image.own),
            *_IMPORTED,
        )
        files = {path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*") if path.is_file()}
    config = service_config.decode().strip()
    return files | {"service_config.ts": _CONFIG.format(config=config).encode()}


def _install(package: Path) -> None:
    """Install what the lock names, where that is missing or older than the lock."""
    installed, lock = package / "node_modules/.package-lock.json", package / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=package, check=True)
