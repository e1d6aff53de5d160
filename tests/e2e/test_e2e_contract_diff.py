"""`chartly contract diff` between revisions of the registry, and between one and a file."""

from __future__ import annotations

import json
from pathlib import Path

from mesh_process import Mesh

ITEM = 'syntax = "proto3";\npackage diffed.v1;\nmessage Item { string name = 1; }\n'
ORDER = """syntax = "proto3";
package diffed.v1;
import "item.proto";
message Order { string id = 1; repeated Item items = 2; }
"""


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_revisions_and_files_are_compared_with_their_references(mesh: Mesh, tmp_path: Path) -> None:
    items, orders = "diffed.items", "diffed.orders"
    saved = mesh.chartly("contract", "apply", items, written(tmp_path, "item.proto", ITEM))
    assert saved.returncode == 0, saved.stderr
    path = written(tmp_path, "order.proto", ORDER)
    reference = ("--reference", f"item.proto={items}@1")
    assert mesh.chartly("contract", "apply", orders, path, *reference).returncode == 0
    written(tmp_path, "order.proto", ORDER.replace("string id = 1;", "string id = 1; string note = 3;"))
    assert mesh.chartly("contract", "apply", orders, path, *reference).returncode == 0

    between = mesh.chartly("contract", "diff", f"{orders}@1.0.0", orders, "--mode", "FULL")
    assert between.returncode == 1, between.stderr
    assert "diffed.v1.Order.note: field note = 3 is new (FIELD_ADDED)" in between.stdout
    assert between.stdout.splitlines()[-1] == f"{orders}@1.0.0 -> {orders}: not allowed by FULL"

    changed = written(tmp_path, "item_2.proto", ITEM.replace("string name", "int32 name"))
    answer = mesh.chartly("contract", "diff", items, changed, "--output", "json")
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["smallest_version"] == "2.0.0"
    assert mesh.chartly("contract", "diff", items, "diffed.nothing").returncode == 3
