"""The rules that the contracts keep: buf's lint, and no breaking change against the baseline."""

import subprocess
import tempfile
from pathlib import Path

from chartly.tools.gen.image import Image, script


def lint(image: Image, config: Path) -> bool:
    """Return whether the contracts keep every lint rule; buf prints what does not."""
    return _buf("lint", image, "--config", str(config))


def keeps(image: Image, baseline: Path, config: Path) -> bool:
    """Return whether the contracts still mean what `baseline` says; buf prints each break."""
    return _buf("breaking", image, "--against", str(baseline), "--config", str(config))


def _buf(command: str, image: Image, *options: str) -> bool:
    with tempfile.NamedTemporaryFile(suffix=".binpb") as file:
        file.write(image.for_buf())
        file.flush()
        return subprocess.run([script("buf"), command, file.name, *options], check=False).returncode == 0
