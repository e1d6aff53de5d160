"""What a change of rules breaks: tighter ones those who wrote before, looser ones those who read as before."""

from __future__ import annotations

import pytest
from chartly.contracts import Finding, Layer, compare_protos, compile_protos

TIGHTER, LOOSER, BOTH = ("RULE_TIGHTENED", True, False), ("RULE_LOOSENED", False, True), ("RULE_CHANGED", True, True)
R = "(buf.validate.field)"


def rule_findings(old: str, new: str, *, values: tuple[str, str] = ("A = 0; B = 1;", "A = 0; B = 1;")) -> list[Finding]:
    """The findings about rules between two files, whose enum E has these values."""
    head = 'syntax = "proto3";\npackage m;\nimport "buf/validate/validate.proto";\nmessage N { string x = 1; }\n'
    before, after = (
        compile_protos({"m.proto": f"{head}enum E {{ {numbers} }}\n{body}"}).descriptors
        for body, numbers in zip((old, new), values, strict=True)
    )
    return [finding for finding in compare_protos(before, after) if finding.layer is Layer.RULES]


def field(declaration: str, rules: str = "") -> str:
    return f"message M {{ int32 k = 9; {declaration} = 1{f' [{rules}]' if rules else ''}; }}"


def told(findings: list[Finding]) -> list[tuple[str, tuple[str, bool, bool]]]:
    return [(one.path.removeprefix("m.M."), (one.rule, one.breaks_backward, one.breaks_forward)) for one in findings]


@pytest.mark.parametrize(
    ("declaration", "old", "new", "path", "effect"),
    [
        ("int64 a", f"{R}.int64.gt = 0", f"{R}.int64.gt = 5", "a.int64.bounds", TIGHTER),
        ("int64 a", f"{R}.int64.gt = 0", f"{R}.int64.gte = 0", "a.int64.bounds", LOOSER),
        ("int64 a", f"{R}.int64 = {{gt: 0, lt: 9}}", f"{R}.int64 = {{gt: 1, lt: 20}}", "a.int64.bounds", BOTH),
        ("int64 a", f"{R}.int64 = {{in: [1, 2]}}", f"{R}.int64 = {{in: [1, 2, 3]}}", "a.int64.in", LOOSER),
        ("int64 a", f"{R}.int64 = {{not_in: [1]}}", f"{R}.int64 = {{not_in: [1, 2]}}", "a.int64.not_in", TIGHTER),
        ("string a", "", f"{R}.string.max_len = 9", "a.string.number of characters", TIGHTER),
        ("string a", f"{R}.string.prefix = 'ab'", f"{R}.string.prefix = 'a'", "a.string.prefix", LOOSER),
        ("string a", f"{R}.string.pattern = '^a'", f"{R}.string.pattern = '^a$'", "a.string.pattern", BOTH),
        ("optional E a", "", f"{R}.enum.defined_only = true", "a.enum.defined_only", TIGHTER),
        ("repeated int32 a", f"{R}.repeated.unique = true", "", "a.repeated.unique", LOOSER),
        (
            "repeated string a",
            f"{R}.repeated.items.string.min_len = 1",
            f"{R}.repeated.items.string.min_len = 2",
            "a.repeated.items.string.number of characters",
            TIGHTER,
        ),
        (
            "map<string, int32> a",
            f"{R}.map.keys.string.max_len = 5",
            f"{R}.map.keys.string.max_len = 9",
            "a.map.keys.string.number of characters",
            LOOSER,
        ),
        ("optional int32 a", "", f"{R}.required = true", "a.required", TIGHTER),
        ("N a", "", f"{R}.ignore = IGNORE_ALWAYS", "a.rules of its message", LOOSER),
    ],
)
def test_a_rule_breaks_one_way_or_both(
    declaration: str, old: str, new: str, path: str, effect: tuple[str, bool, bool]
) -> None:
    assert told(rule_findings(field(declaration, old), field(declaration, new))) == [(path, effect)]


@pytest.mark.parametrize(
    ("declaration", "old", "new"),
    [
        ("int64 a", f"{R}.int64.gt = 0", f"{R}.int64.gte = 1"),
        ("int64 a", f"{R}.int64.const = 5", f"{R}.int64 = {{const: 5, gt: 0, not_in: [6]}}"),
        ("string a", f"{R}.string.len = 3", f"{R}.string = {{min_len: 3, max_len: 3}}"),
        ("string a", f"{R}.string.ipv4 = true", f"{R}.string = {{ipv4: true}}"),
        ("string a", f"{R}.string.max_len = 9", f"{R}.string = {{max_len: 9, example: 'x'}}"),
        ("string a", f"{R}.string.max_len = 9", f"{R} = {{string: {{max_len: 9}}, ignore: IGNORE_IF_ZERO_VALUE}}"),
        ("string a", f"{R}.string.max_len = 9", f"{R}.string.max_len = 9, deprecated = true"),
    ],
)
def test_the_same_rule_in_other_words_is_no_change(declaration: str, old: str, new: str) -> None:
    assert rule_findings(field(declaration, old), field(declaration, new)) == []


def test_cel_is_compared_by_its_text() -> None:
    def cel(name: str, expression: str) -> str:
        return field("int32 a", f"{R}.cel = {{id: '{name}', expression: '{expression}'}}")

    assert told(rule_findings(cel("a", "this > 0"), cel("a", "this > 1"))) == [("a.cel a", BOTH)]
    assert [effect for _, effect in told(rule_findings(cel("a", "this > 0"), field("int32 a")))] == [LOOSER]
    assert [effect for _, effect in told(rule_findings(field("int32 a"), cel("a", "this > 0")))] == [TIGHTER]


def test_a_field_that_comes_or_goes_counts_where_its_rules_refuse_the_zero_value() -> None:
    without = "message M { int32 k = 9; }"
    refusing, allowing = field("string a", f"{R}.string.min_len = 1"), field("string a", f"{R}.string.max_len = 9")
    optional = field("optional string a", f"{R}.string.min_len = 1")
    assert told(rule_findings(without, refusing)) == [("a", TIGHTER)]
    assert told(rule_findings(refusing, without)) == [("a", LOOSER)]
    assert rule_findings(without, allowing) == rule_findings(without, optional) == []


def test_presence_counts_where_the_rules_refuse_the_zero_value() -> None:
    rules = f"{R}.int32.gt = 0"
    assert told(rule_findings(field("optional int32 a", rules), field("int32 a", rules))) == [("a.ignore", TIGHTER)]
    assert told(rule_findings(field("int32 a", rules), field("optional int32 a", rules))) == [("a.ignore", LOOSER)]


def test_defined_only_follows_the_values_of_the_enum() -> None:
    body, fewer, more = field("E a", f"{R}.enum.defined_only = true"), "A = 0; B = 1;", "A = 0; B = 1; C = 2;"
    assert told(rule_findings(body, body, values=(fewer, more))) == [("a.enum.defined_only", LOOSER)]
    assert told(rule_findings(body, body, values=(more, fewer))) == [("a.enum.defined_only", TIGHTER)]


def test_required_oneofs_count_their_members() -> None:
    def oneof(members: str, rule: str = "option (buf.validate.oneof).required = true;") -> str:
        return f"message M {{ oneof o {{ {rule} {members} }} }}"

    one, two = "int32 a = 1;", "int32 a = 1; int32 b = 2;"
    assert told(rule_findings(oneof(one, ""), oneof(one))) == [("o.required", TIGHTER)]
    assert told(rule_findings(oneof(one), oneof(two))) == [("o.required", LOOSER)]
    assert told(rule_findings(oneof(two), oneof(one))) == [("o.required", TIGHTER)]
