from __future__ import annotations

from chartly.contracts.documents import Kind, Source, lint, read

CLEAN = """syntax = "proto3";
package orders.v1;
// An order.
message Order {
  // Its name.
  string order_id = 1;
  map<string, int32> counts = 2; // How many of each.
  // How far it is.
  State state = 3;
}
// How far an order is.
enum State {
  // Not stated.
  STATE_UNSPECIFIED = 0;
}
"""


def rules(text: str) -> list[tuple[str, int, int]]:
    found = lint(read(Source(Kind.PROTO, {"orders.proto": text})))
    assert all(problem.path == "orders.proto" for problem in found)
    return [(problem.reason, problem.line, problem.column) for problem in found]


def test_good_files_have_nothing_said_against_them() -> None:
    assert rules(CLEAN) == []


def test_missing_comments_are_told_with_their_place() -> None:
    assert rules(CLEAN.replace("  // Its name.\n", "").replace("// An order.\n", "")) == [
        ("COMMENT_MESSAGE", 3, 1),
        ("COMMENT_FIELD", 4, 3),
    ]


def test_names_are_told_by_the_rules_of_buf() -> None:
    text = (
        CLEAN.replace("order_id", "orderId")
        .replace("STATE_UNSPECIFIED", "none")
        .replace("message Order", "message order")
    )
    assert [rule for rule, _, _ in rules(text)] == [
        "MESSAGE_PASCAL_CASE",
        "FIELD_LOWER_SNAKE_CASE",
        "ENUM_VALUE_UPPER_SNAKE_CASE",
        "ENUM_ZERO_VALUE_SUFFIX",
    ]


def test_a_package_is_asked_for_and_types_that_differ_by_case_are_told() -> None:
    assert rules('syntax = "proto3";\n// One.\nmessage Ab {}\n// Two.\nmessage AB {}\n') == [
        ("NAME_COLLIDES", 1, 1),
        ("PACKAGE_DEFINED", 1, 1),
    ]
