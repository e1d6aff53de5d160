"""Writes data contracts: of the demo's profiles, of those in the guide, of one with every type, and of each read back.

Usage: datacontract_exports.py FOLDER
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from chartly.contracts.odcs.document import read_odcs
from chartly.contracts.rows.columns import row_of_profile
from chartly.contracts.rows.odcs_export import odcs_yaml
from chartly.engine import parse_profile

DEMO = Path("services/chartly/cli/demo")
_BLOCK = re.compile(r"```yaml\n(profile_id:.*?)```", re.DOTALL)


def profiles() -> Iterator[bytes]:
    """Yield profiles as they are written."""
    for path in (*sorted(DEMO.glob("*.yaml")), Path("tests/lib/every_type.yaml")):
        yield path.read_bytes()
    yield from (text.encode() for text in _BLOCK.findall(Path("docs/PROFILES.md").read_text("utf-8")))


def main(folder: Path) -> None:
    """Write each profile's data contract, and the one that is read from that."""
    for number, text in enumerate(profiles()):
        row = row_of_profile(parse_profile(text))
        written = odcs_yaml(row)
        name = f"{number:02}-{row.name}"
        (folder / f"{name}.yaml").write_bytes(written)
        (folder / f"{name}-again.yaml").write_bytes(odcs_yaml(read_odcs(written).row()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
