"""Contracts over the real edge and by the command: bad ones are refused with the reason and leave nothing, good ones are kept."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from mesh_process import CHARTLY
from rest import YAML, Rest

SCHEMA, PROTO, ZIP = "application/schema+json", "text/x-protobuf", "application/zip"
GOOD: dict[str, Any] = {"type": "object", "properties": {"state": {"type": "string"}}, "additionalProperties": False}


def packed(**files: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in files.items():
            opened.writestr(f"{name}.proto", text)
    return archive.getvalue()


DOUBLING = {f"a{i}": {"anyOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(40)} | {"a40": {}}
IMPORTS = 'syntax = "proto3"; import "{other}.proto"; message {name} {{}}'
BAD: dict[str, tuple[str, bytes, str]] = {
    "an unknown dialect": (SCHEMA, b'{"$schema": "https://example.com/mine"}', "is no dialect that is read"),
    "a loop of references": (SCHEMA, b'{"$ref": "#"}', "without taking a part of the value"),
    "a schema that doubles": (SCHEMA, json.dumps({"$ref": "#/$defs/a0", "$defs": DOUBLING}).encode(), "1:"),
    "a key that stands twice": (SCHEMA, b'{"type": "object",\n "type": "string"}', '2:2 duplicate key "type"'),
    "protos that import each other": (
        ZIP,
        packed(a=IMPORTS.format(other="b", name="A"), b=IMPORTS.format(other="a", name="B")),
        "recursively imports itself",
    ),
    "names that differ by case": (ZIP, packed(a=IMPORTS, A=IMPORTS), "are one file where names do not differ by case"),
    "an unknown version of ODCS": (YAML, b"kind: DataContract\napiVersion: v2.0.0\n", "2:1"),
    "an alias": (YAML, b"type: &a object\ntitle: *a\n", "1:7 anchors and aliases are refused"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_contract_is_refused_with_its_place_and_leaves_nothing(rest: Rest, name: str) -> None:
    media_type, content, message = BAD[name]
    path = "/api/contracts/e2e-bad/revisions"
    refused = rest.refused("POST", path, content=content, headers={"content-type": media_type})
    assert refused[:2] == (400, "INVALID_DOCUMENT"), refused
    assert message in refused.message
    assert rest.refused("GET", "/api/contracts/e2e-bad").reason == "CONTRACT_NOT_FOUND"


def test_fifty_megabytes_are_refused(rest: Rest) -> None:
    content = b'{"title": "' + b"x" * (50 << 20) + b'"}'
    path = "/api/contracts/e2e-large/revisions"
    for size in (len(content), 9 << 20):
        refused = rest.refused("POST", path, content=content[:size], headers={"content-type": SCHEMA})
        assert (refused.status, refused.reason) == (413, "BODY_TOO_LARGE")
    assert rest.refused("GET", "/api/contracts/e2e-large").reason == "CONTRACT_NOT_FOUND"


def test_a_message_of_ten_thousand_fields_is_kept_and_found(rest: Rest) -> None:
    numbers = [number if number < 19_000 else number + 1000 for number in range(1, 10_001)]
    fields = "\n".join(f"  string wide_{number} = {number};" for number in numbers)
    text = f'syntax = "proto3";\npackage e2e;\nmessage Wide {{\n{fields}\n}}\n'
    answer = rest.http.post("/api/contracts/e2e-wide/revisions", content=text, headers={"content-type": PROTO})
    assert answer.json()["version"] == "1.0.0"
    assert [each["contract_id"] for each in rest.get("/api/contracts", query="wide 9999")["contracts"]] == ["e2e-wide"]


def test_the_command_saves_checks_finds_and_exports(mesh: Any, tmp_path: Path) -> None:
    file, wider = tmp_path / "orders.json", tmp_path / "wider.json"
    file.write_text(json.dumps(GOOD))
    wider.write_text(json.dumps({**GOOD, "properties": {**GOOD["properties"], "note": {"type": "string"}}}))

    def chartly(*words: str) -> tuple[int, str]:
        command = [str(CHARTLY), "contract", *words, "--data-dir", str(mesh.data_dir)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = chartly("apply", "e2e-orders", str(file))
    assert (code, said.split()[:3]) == (0, ["+", "e2e-orders", "1.0.0"])
    assert chartly("apply", "e2e-orders", str(file)) == (0, "= e2e-orders 1.0.0 as it was\n")
    code, said = chartly("check", "e2e-orders", str(wider))
    assert (code, said.splitlines()[-1]) == (0, "e2e-orders: allowed by BACKWARD, as 1.1.0 or above")
    code, said = chartly("check", "e2e-orders", str(wider), "--mode", "FULL")
    assert (code, said.splitlines()[-1]) == (1, "e2e-orders: not allowed by FULL")
    code, said = chartly("apply", "e2e-orders", str(wider))
    assert said.startswith("~ e2e-orders 1.1.0 sha256:")
    assert "compatible (properties.note:" in said
    code, said = chartly("apply", "e2e-orders", str(file), "--dry-run")
    assert (code, said.splitlines()[-1]) == (4, "e2e-orders: not allowed by BACKWARD")
    assert "e2e-orders" in chartly("list", "note")[1]
    assert json.loads(chartly("get", "e2e-orders@1.0")[1]) == GOOD
    assert "DataContract" in chartly("export", "e2e-orders", "--format", "odcs")[1]
    assert chartly("delete", "e2e-orders") == (0, "- e2e-orders\n")
    assert chartly("get", "e2e-orders")[0] == 3


def test_the_command_says_where_a_file_is_wrong(mesh: Any, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    file = tmp_path / "shop" / "order.proto"
    file.write_text('syntax = "proto3";\nmessage Order {\n  Money price = 1;\n}\n')
    command = [str(CHARTLY), "contract", "apply", "e2e-wrong", str(tmp_path), "--data-dir", str(mesh.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{file}:3:3 ")
    assert done.stderr.rstrip().endswith("Nothing was saved.")


def test_the_command_warns_of_a_deprecated_contract_and_names_the_message(mesh: Any, tmp_path: Path) -> None:
    money, order = tmp_path / "money.proto", tmp_path / "order.proto"
    money.write_text('syntax = "proto3"; package e2e; message Money { int64 units = 1; } message Rate {}')
    order.write_text('syntax = "proto3"; package e2e; import "money.proto"; message Order { Money price = 1; }')

    def chartly(*words: str) -> tuple[int, str, str]:
        command = [str(CHARTLY), "contract", *words, "--data-dir", str(mesh.data_dir)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    assert chartly("apply", "e2e-money", str(money))[0] == 0
    code, told, _ = chartly("check", "e2e-money", str(money), "--message", "e2e.Rate")
    assert (code, told.count("RECORD_MESSAGE_CHANGED")) == (1, 2)
    chartly("deprecate", "e2e-money", "--reason", "use cash")
    code, told, warned = chartly("apply", "e2e-order", str(order), "--reference", "money.proto=e2e-money@1")
    assert (code, warned) == (0, "warning: contract e2e-money is deprecated: use cash\n")
    assert told.startswith("+ e2e-order 1.0.0 ")
