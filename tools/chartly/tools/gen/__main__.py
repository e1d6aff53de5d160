"""`make gen`: check the contracts, then write everything that follows from them."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chartly.tools.gen import buf, edge, go_stubs, output, reference, stubs, ts_stubs
from chartly.tools.gen.image import Image, compile_protos
from chartly.tools.gen.sync_client import sync_client
from chartly.tools.schema_gen.schemas import schema_files

_BASELINE = "baseline.binpb"


def main() -> int:
    """Return 0, or 1 when the contracts break a rule or a promise; what is wrong stands on stderr."""
    parser = argparse.ArgumentParser(prog="make gen", description=__doc__)
    parser.add_argument("--accept-break", action="store_true", help="make the contracts as they are the new baseline")
    accept_break = parser.parse_args().accept_break
    root = Path.cwd()
    with output.alone(root / "proto"):
        return generate(root, accept_break=accept_break)


def generate(root: Path, *, accept_break: bool) -> int:
    """Check and write all below `root`; return the exit code."""
    try:
        image = compile_protos(root / "proto")
    except subprocess.CalledProcessError:
        return 1  # protoc has said why
    if not (buf.lint(image, root / "buf.yaml") and _renew_baseline(image, root, accept_break=accept_break)):
        return 1
    changed = sum(output.replace_all(root / "gen" / name, files) for name, files in generated(image))
    changed += output.replace_all(root / "contracts", schema_files(image.commented), kept=(_BASELINE,))
    changed += sum(output.replace_all(folder, files) for folder, files in sdk_stubs(image, root / "sdk"))
    print(f"gen: {changed} files changed")
    return 0


def generated(image: Image) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield each folder of `gen/` and the content of its files, the stubs first: settings are read with the new ones."""
    yield "python", stubs.python_stubs(image)
    yield "descriptors", {"chartly.binpb": image.bare, "edge.binpb": edge.edge_descriptors(image)}
    from chartly.tools.gen.policy import service_config
    from chartly.tools.gen.settings import settings_page
    from chartly.tools.schema_gen.openapi import openapi
    from chartly.tools.schema_gen.reference import schemas_page

    yield "policy", {"service_config.json": service_config(image)}
    yield "openapi", {"openapi.json": openapi(image)}

    pages = {
        "errors.md": reference.errors_page(image),
        "methods.md": reference.methods_page(image),
        "schemas.md": schemas_page(image.commented),
        "settings.md": settings_page(),
    }
    yield "docs", {name: page.encode() for name, page in pages.items()}


def sdk_stubs(image: Image, sdk: Path) -> Iterator[tuple[Path, dict[str, bytes]]]:
    """Yield each folder that is made in the SDKs and the content of its files, for the languages that this machine has."""
    from chartly.tools.gen.policy import service_config

    yield sdk / "python/chartly/sdk/sync", sync_client(sdk / "python/chartly/sdk/aio")
    config = service_config(image)
    if (sdk / "go").exists() and (files := go_stubs.go_stubs(image, sdk / "go", config)):
        yield sdk / "go/gen", files
    if (sdk / "typescript").exists() and (files := ts_stubs.typescript_stubs(image, sdk / "typescript", config)):
        yield sdk / "typescript/gen", files


def _renew_baseline(image: Image, root: Path, *, accept_break: bool) -> bool:
    baseline = root / "contracts" / _BASELINE
    if not accept_break:
        if not baseline.exists():
            return True  # the first one is accepted like a break
        if not buf.keeps(image, baseline, root / "buf.yaml"):
            print("gen: the contracts break their baseline; where that is wanted: make accept-break", file=sys.stderr)
            return False
    output.write(baseline, image.bare)
    return True


if __name__ == "__main__":
    sys.exit(main())
