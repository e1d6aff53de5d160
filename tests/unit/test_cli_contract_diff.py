from __future__ import annotations

import json
from pathlib import Path

import pytest
from chartly.cli.main import cli
from chartly.contracts import compile_protos
from click.testing import CliRunner, Result

ORDER = """syntax = "proto3";
package orders.v1;
import "buf/validate/validate.proto";
message Order {
  string id = 1;
  int64 cents = 2 [(buf.validate.field).int64.gte = 0];
}
"""
SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": False}


def diff(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["contract", "diff", *map(str, arguments)])


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def report(result: Result) -> dict[str, dict[str, bool]]:
    verdicts = json.loads(result.stdout)["verdicts"]
    return {each["layer"]: {way: each[way] for way in ("backward", "forward")} for each in verdicts}


def test_equal_files_are_allowed_by_every_mode(tmp_path: Path) -> None:
    order = written(tmp_path / "order.proto", ORDER)
    result = diff(order, order, "--mode", "FULL_TRANSITIVE")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, f"{order} -> {order}: allowed by FULL_TRANSITIVE")


def test_a_break_has_a_verdict_a_layer_and_the_exit_code_of_a_failure(tmp_path: Path) -> None:
    old = written(tmp_path / "order.proto", ORDER)
    new = written(tmp_path / "order_2.proto", ORDER.replace("int64.gte = 0", "int64.gte = 5"))
    result = diff(old, new)
    assert result.exit_code == 1
    assert (
        "orders.v1.Order.cents.int64.bounds: bounds in [0, inf) -> bounds in [5, inf) (RULE_TIGHTENED)" in result.stdout
    )
    assert "not allowed by BACKWARD" in result.stdout
    assert "at least a new major version" in result.stdout
    verdicts = report(diff(old, new, "--output", "json"))
    assert verdicts.pop("LAYER_RULES") == {"backward": False, "forward": True}
    assert set(map(str, verdicts.values())) == {str({"backward": True, "forward": True})}


@pytest.mark.parametrize(("mode", "code"), [("BACKWARD", 0), ("FORWARD", 1), ("FULL", 1), ("NONE", 0)])
def test_the_mode_decides(tmp_path: Path, mode: str, code: int) -> None:
    old = written(tmp_path / "order.proto", ORDER)
    new = written(tmp_path / "new.proto", ORDER.replace("string id = 1;", "string id = 1; string note = 3;"))
    assert diff(old, new, "--mode", mode).exit_code == code


def test_a_folder_is_compared_with_a_descriptor_set(tmp_path: Path) -> None:
    written(tmp_path / "protos/orders/v1/order.proto", ORDER)
    compiled = compile_protos({"orders/v1/order.proto": ORDER})
    (tmp_path / "old.binpb").write_bytes(compiled.with_imports().SerializeToString())
    assert diff(tmp_path / "old.binpb", tmp_path / "protos", "--mode", "FULL").exit_code == 0
    written(tmp_path / "protos/orders/v1/order.proto", ORDER.replace("cents", "pence"))
    assert "FIELD_SAME_NAME" in diff(tmp_path / "old.binpb", tmp_path / "protos").stdout


def test_json_schemas_have_two_layers(tmp_path: Path) -> None:
    old = written(tmp_path / "old.json", json.dumps({**SCHEMA, "properties": {"id": {"type": "string"}}}))
    new = written(tmp_path / "new.json", json.dumps({**SCHEMA, "properties": {"id": {"type": "integer"}}}))
    result = diff(old, new, "--output", "json")
    assert (result.exit_code, set(report(result))) == (1, {"LAYER_JSON", "LAYER_RULES"})


def test_bad_input_is_refused_with_its_place(tmp_path: Path) -> None:
    order, schema = written(tmp_path / "order.proto", ORDER), written(tmp_path / "schema.json", json.dumps(SCHEMA))
    bad = written(tmp_path / "bad.proto", 'syntax = "proto3";\nmessage M {\n  Foo a = 1;\n}\n')
    broken = tmp_path / "broken.binpb"
    broken.write_bytes(b"\xff")
    for given, code, words in (
        (bad, 2, f'{bad}:3:3 "Foo" is not defined'),
        (schema, 2, "are of different kinds"),
        (broken, 2, "is no descriptor set"),
        (tmp_path / "nothing.proto", 3, "there is no file"),
    ):
        result = diff(order, given)
        assert (result.exit_code, words in result.stderr) == (code, True), result.stderr


def test_many_findings_and_many_problems_are_counted_after_the_first_hundred(tmp_path: Path) -> None:
    fields = "".join(f"int32 f{number} = {number}; " for number in range(1, 301))
    old = written(tmp_path / "old.proto", f'syntax = "proto3"; message A {{ {fields} }}')
    new = written(tmp_path / "new.proto", 'syntax = "proto3"; message A {}')
    lines = diff(old, new).stdout.splitlines()
    assert len([line for line in lines if line.startswith("A.f")]) == 100
    assert any(line.startswith("and ") and line.endswith(" more") for line in lines)
    wrong = written(tmp_path / "wrong.proto", f'syntax = "proto3"; message A {{ {fields.replace("int32", "Gone")} }}')
    told = diff(wrong, wrong).stderr.splitlines()
    assert told[100:] == ["and 200 more. Nothing was compared."]
