from __future__ import annotations

from pathlib import Path

import pytest
from chartly.contracts import compile_protos
from chartly.contracts.protos.protoc import Worker
from chartly.engine import InvalidDocument, Problem
from google.protobuf.descriptor_pool import DescriptorPool

ORDER = """syntax = "proto3";
package orders.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "orders/v1/item.proto";
// What was bought.
message Order {
  string id = 1 [(buf.validate.field).string.min_len = 1];
  google.protobuf.Timestamp create_time = 2;
  repeated Item items = 3;
}
"""
ITEM = 'syntax = "proto3";\npackage orders.v1;\nmessage Item { string name = 1; repeated Item parts = 2; }\n'


def problems(files: dict[str, str], references: dict[str, str] | None = None) -> list[Problem]:
    with pytest.raises(InvalidDocument) as refusal:
        compile_protos(files, references)
    return list(refusal.value.problems)


def test_files_and_references_compile_with_comments() -> None:
    compiled = compile_protos({"orders/v1/order.proto": ORDER}, {"orders/v1/item.proto": ITEM})
    (order,) = compiled.own_files()
    assert [file.name for file in compiled.descriptors.file] == ["orders/v1/item.proto", "orders/v1/order.proto"]
    assert [field.name for field in order.message_type[0].field] == ["id", "create_time", "items"]
    assert any("What was bought." in place.leading_comments for place in order.source_code_info.location)


def test_with_imports_is_complete() -> None:
    compiled = compile_protos({"order.proto": ORDER, "orders/v1/item.proto": ITEM})
    pool = DescriptorPool()
    for file in compiled.with_imports().file:
        pool.Add(file)
    create_time = pool.FindMessageTypeByName("orders.v1.Order").fields_by_name["create_time"].message_type
    assert create_time is not None
    assert create_time.full_name == "google.protobuf.Timestamp"


def test_every_problem_has_its_file_line_and_column() -> None:
    found = problems(
        {"a.proto": 'syntax = "proto3";\nmessage A {\n  Foo x = 1;\n  Bar y = 2;\n}\n', "b.proto": "messag"}
    )
    assert {(problem.path, problem.line, problem.column) for problem in found} >= {
        ("a.proto", 3, 3),
        ("a.proto", 4, 3),
        ("b.proto", 1, 1),
    }


def test_mutual_imports_are_refused_with_the_cycle() -> None:
    header = 'syntax = "proto3";\n'
    (problem,) = problems({"a.proto": header + 'import "b.proto";', "b.proto": header + 'import "a.proto";'})
    assert "a.proto -> b.proto -> a.proto" in problem.message


def test_a_missing_import_says_what_to_do() -> None:
    (problem,) = problems({"a.proto": 'syntax = "proto3";\nimport "nope.proto";'})
    assert (problem.line, problem.reason) == (2, "IMPORT_MISSING")
    assert "add the file, or a reference" in problem.message


def test_a_message_of_ten_thousand_fields_compiles() -> None:
    fields = "".join(f"string field_{n} = {n if n < 19_000 else n + 1000};\n" for n in range(10_001, 20_001))
    compiled = compile_protos({"big.proto": f'syntax = "proto3";\nmessage Big {{\n{fields}}}\n'})
    assert len(compiled.own_files()[0].message_type[0].field) == 10_000


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "FILES_MISSING"),
        ({"Order.proto": "", "order.proto": ""}, "PATH_COLLIDES"),
        ({"stra\u00dfe.proto": "", "STRASSE.proto": ""}, "PATH_COLLIDES"),
        ({"cafe\u0301.proto": ""}, "PATH_REFUSED"),
        ({"../order.proto": ""}, "PATH_REFUSED"),
        ({"/order.proto": ""}, "PATH_REFUSED"),
        ({"-I.proto": ""}, "PATH_REFUSED"),
        ({"google/protobuf/any.proto": ""}, "PATH_REFUSED"),
        ({f"{n}.proto": "" for n in range(1001)}, "TOO_LARGE"),
        ({"a.proto": f"// {'x' * (8 << 20)}"}, "TOO_LARGE"),
        ({"a.proto": f'syntax = "proto3";\n{"message M {" * 500}{"}" * 500}'}, "PROTO_REFUSED"),
        ({"a.proto": 'syntax = "proto3"; message A { string fooBar = 1; string foo_bar = 2; }'}, "PROTO_REFUSED"),
        ({"a.proto": 'syntax = "proto3"; message \u0410 {}'}, "PROTO_REFUSED"),
    ],
)
def test_bad_files_are_refused(files: dict[str, str], reason: str) -> None:
    assert {problem.reason for problem in problems(files)} == {reason}


def test_too_many_messages_are_refused() -> None:
    text = 'syntax = "proto3";\n' + "".join(f"message M{n} {{}}\n" for n in range(10_001))
    assert "10001 messages" in problems({"a.proto": text})[0].message


def test_options_that_nest_without_end_do_no_harm() -> None:
    deep = f"""syntax = "proto3";
import "google/protobuf/descriptor.proto";
message O {{ O o = 1; }}
extend google.protobuf.MessageOptions {{ O o = 50000; }}
message M {{ option (o) = {"{o:" * 50_000}{"}" * 50_000}; }}
"""
    (problem,) = problems({"deep.proto": deep})
    assert problem.reason == "TOO_EXPENSIVE"
    assert compile_protos({"item.proto": ITEM}).own_files()


def test_a_worker_ends_where_its_time_ends() -> None:
    worker = Worker({}, cpu_seconds=0.02)
    messages = "".join(f"message M{n} {{ string a = 1; string b = 2; string c = 3; }}\n" for n in range(60_000))
    try:
        with pytest.raises(InvalidDocument, match="takes too long"):
            worker.compile({"a.proto": f'syntax = "proto3";\n{messages}'})
        assert not worker.is_alive
    finally:
        worker.close()


def test_a_worker_whose_owner_has_gone_leaves_nothing() -> None:
    worker = Worker({})
    folder = Path(worker._folder.name)
    worker.compile({"item.proto": ITEM})
    assert folder.is_dir()
    worker._process.communicate()
    assert worker._process.returncode == 0
    assert not folder.exists()
    worker._folder.cleanup()
