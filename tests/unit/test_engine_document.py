"""Documents are read strictly, and everything that is refused is refused with its place."""

from __future__ import annotations

import time

import pytest
from chartly.engine.document import Listing, Mapping, Node, Scalar, Syntax, read_document
from chartly.engine.errors import InvalidDocument, Problem


def plain(node: Node) -> object:
    if isinstance(node, Mapping):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.value


def read(text: str, syntax: Syntax = "yaml") -> object:
    return plain(read_document(text.encode(), syntax))


def problems(data: bytes, syntax: Syntax = "yaml") -> list[Problem]:
    with pytest.raises(InvalidDocument) as refusal:
        read_document(data, syntax)
    return list(refusal.value.problems)


def refusal(data: bytes, syntax: Syntax = "yaml") -> tuple[int, int, str]:
    [problem] = problems(data, syntax)
    return problem.line, problem.column, problem.reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("FALSE", False),
        ("12", 12),
        ("+7", 7),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("2013-01-01", "2013-01-01"),
        ("2013-01-01T05:00:00Z", "2013-01-01T05:00:00Z"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2.1.0", "2.1.0"),
        ("'12'", "12"),
        ('"a\\tb"', "a\tb"),
        ("=", "="),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert read(f"key: {text}") == {"key": value}


def test_every_node_knows_its_place() -> None:
    root = read_document(b"a: 1\nb:\n  - x\n  - {c: 2}\n")
    assert isinstance(root, Mapping)
    assert (root.entries["b"].place.line, root.entries["b"].place.column) == (2, 1)
    items = root.entries["b"].node
    assert isinstance(items, Listing)
    assert [(item.place.line, item.place.column) for item in items.items] == [(3, 5), (4, 5)]
    inner = items.items[1]
    assert isinstance(inner, Mapping)
    number = inner.entries["c"].node
    assert isinstance(number, Scalar)
    assert (number.place.line, number.place.column, number.text) == (4, 9, "2")


def test_json_takes_tabs_and_surrogate_pairs_and_knows_places() -> None:
    text = '{\n\t"a": "\\ud83d\\ude00\\/",\n\t"b": [1, -0.5e1, true, null]\n}\n'
    assert read(text, "json") == {"a": "😀/", "b": [1, -5.0, True, None]}
    root = read_document(text.encode(), "json")
    assert isinstance(root, Mapping)
    assert (root.entries["b"].place.line, root.entries["b"].place.column) == (3, 2)


def test_a_byte_order_mark_is_no_character() -> None:
    assert read_document(b"\xef\xbb\xbfa: 1").place.column == 1


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"a: &x 1\nb: *x", (1, 4, "ALIAS_REFUSED")),
        (b"a: 1\nb: *x", (2, 4, "ALIAS_REFUSED")),
        (b"<<: {a: 1}", (1, 1, "ALIAS_REFUSED")),
        (b"a: !!python/object/apply:os.system [id]", (1, 4, "TAG_REFUSED")),
        (b"a: !!str 5", (1, 4, "TAG_REFUSED")),
        (b"a: 1\nb: 2\na: 3", (3, 1, "DUPLICATE_KEY")),
        (b"a: {b: 1, b: 2}", (1, 11, "DUPLICATE_KEY")),
        (b"a: .nan", (1, 4, "NUMBER_REFUSED")),
        (b"a: -.inf", (1, 4, "NUMBER_REFUSED")),
        (b"a: 1e400", (1, 4, "NUMBER_REFUSED")),
        (b"a: \xff", (1, 4, "INVALID_UTF8")),
        (b"a: 1\nb: '\xc3", (2, 5, "INVALID_UTF8")),
        (b"? [a]\n: b", (1, 3, "KEY_REFUSED")),
        (b"a: 1\n---\nb: 2", (2, 1, "SYNTAX_ERROR")),
        (b"a: [1, 2", (2, 1, "SYNTAX_ERROR")),
        (b"a: 1\n b: 2", (2, 3, "SYNTAX_ERROR")),
        (b"", (1, 1, "SYNTAX_ERROR")),
        (b"# nothing", (1, 1, "SYNTAX_ERROR")),
        (b"a: \x00", (1, 1, "SYNTAX_ERROR")),
        (b"[" * 40 + b"]" * 40, (1, 33, "DOCUMENT_TOO_DEEP")),
    ],
)
def test_yaml_is_refused_where_it_is_wrong(data: bytes, place: tuple[int, int, str]) -> None:
    assert refusal(data) == place


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{"a": 1,\n "a": 2}', (2, 2, "DUPLICATE_KEY")),
        (b'{"a": NaN}', (1, 7, "SYNTAX_ERROR")),
        (b'{"a": 1e400}', (1, 7, "NUMBER_REFUSED")),
        (b'{"a": 1,}', (1, 9, "SYNTAX_ERROR")),
        (b'{"a": 01}', (1, 8, "SYNTAX_ERROR")),
        (b"{'a': 1}", (1, 2, "SYNTAX_ERROR")),
        (b'{"a": "x\ny"}', (1, 7, "SYNTAX_ERROR")),
        (b'{"a": "\\ud800"}', (1, 7, "SYNTAX_ERROR")),
        (b'{"a": 1} 2', (1, 10, "SYNTAX_ERROR")),
        (b'{"a"', (1, 5, "SYNTAX_ERROR")),
        (b"", (1, 1, "SYNTAX_ERROR")),
        (b"a: 1", (1, 1, "SYNTAX_ERROR")),
        (b"[" * 100_000, (1, 33, "DOCUMENT_TOO_DEEP")),
    ],
)
def test_json_is_refused_where_it_is_wrong(data: bytes, place: tuple[int, int, str]) -> None:
    assert refusal(data, "json") == place


def test_every_duplicate_key_and_number_is_told_at_once() -> None:
    found = problems(b"a: 1\na: 2\nb: .nan\nc: {d: 1, d: 2}\n")
    assert [(problem.line, problem.reason) for problem in found] == [
        (2, "DUPLICATE_KEY"),
        (3, "NUMBER_REFUSED"),
        (4, "DUPLICATE_KEY"),
    ]
    assert found[0].message == 'duplicate key "a", first at line 1'


def test_a_hundred_megabytes_are_refused_by_their_size_alone() -> None:
    data = b"a: [" + b"1, " * 35_000_000 + b"1]"
    began = time.perf_counter()
    [problem] = problems(data)
    assert problem.reason == "DOCUMENT_TOO_LARGE"
    assert time.perf_counter() - began < 0.5


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert refusal("\n".join(lines).encode()) == (1, 4, "ALIAS_REFUSED")
