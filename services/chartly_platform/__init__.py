"""Where the command `chartly` begins, outside the namespace package `chartly`, which another distribution can hide.

The name `chartly` on PyPI belongs to a plotting package; its `chartly/__init__.py` makes ours unreachable.
"""

import importlib.util
import sys

_REFUSED = 4


def main() -> None:
    """Run the command line, unless another package named `chartly` hides it."""
    spec = importlib.util.find_spec("chartly")
    if spec is not None and spec.origin is not None:
        print(
            f"another package named chartly hides this one: {spec.origin}\n"
            "It is not part of Chartly. Remove it: python -m pip uninstall chartly. Then: pip install chartly-platform",
            file=sys.stderr,
        )
        raise SystemExit(_REFUSED)
    from chartly.cli.main import main as run

    run()
