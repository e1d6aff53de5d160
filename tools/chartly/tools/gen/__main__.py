"""`make gen`: check the contracts, then write everything that follows from them."""

import argparse
import subprocess
import sys
from pathlib import Path

from chartly.tools.gen import buf, edge, output, reference, stubs
from chartly.tools.gen.image import Image, compile_protos


def main() -> int:
    """Return 0, or 1 when the contracts break a rule or a promise; what is wrong stands on stderr."""
    parser = argparse.ArgumentParser(prog="make gen", description=__doc__)
    parser.add_argument("--accept-break", action="store_true", help="make the contracts as they are the new baseline")
    accept_break = parser.parse_args().accept_break
    root = Path.cwd()
    with output.alone(root / "proto"):
        try:
            image = compile_protos(root / "proto")
        except subprocess.CalledProcessError:
            return 1  # protoc has said why
        if not buf.lint(image, root / "buf.yaml"):
            return 1
        if not _renew_baseline(image, root, accept_break=accept_break):
            return 1
        changed = _write_all(image, root / "gen")
    print(f"gen: {changed} files changed")
    return 0


def _renew_baseline(image: Image, root: Path, *, accept_break: bool) -> bool:
    baseline = root / "contracts" / "baseline.binpb"
    if not accept_break:
        if not baseline.exists():
            return True  # the first one is accepted like a break
        if not buf.keeps(image, baseline, root / "buf.yaml"):
            print("gen: the contracts break their baseline; where that is wanted: make accept-break", file=sys.stderr)
            return False
    output.write(baseline, _descriptors(image))
    return True


def _write_all(image: Image, folder: Path) -> int:
    changed = output.replace_all(folder / "python", stubs.python_stubs(image))
    changed += output.replace_all(folder / "descriptors", {"chartly.binpb": _descriptors(image)})
    pages = {"errors.md": reference.errors_page(image), "methods.md": reference.methods_page(image)}
    return changed + output.replace_all(folder / "docs", {name: page.encode() for name, page in pages.items()})


def _descriptors(image: Image) -> bytes:
    return image.bare().SerializeToString(deterministic=True)


if __name__ == "__main__":
    sys.exit(main())
