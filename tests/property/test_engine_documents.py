"""The readers of documents and the canonical form, beside others that read and write the same."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import rfc8785
import yaml
from chartly import engine
from chartly.engine.digest import canonical_number
from chartly.engine.document import Listing, Mapping, Node, Syntax, read_document
from hypothesis import example, given
from hypothesis import strategies as st

KEYS = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


def plain(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.value


@given(VALUES, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(value: Any, indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert repr(plain(read_document(text.encode(), "json"))) == repr(json.loads(text))


@given(
    st.recursive(
        st.text("abcdefgh -:#'\"{}[],&*!|>%@`\n\té😀0123456789.~"),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", min_size=1), inner, max_size=4),
        max_leaves=20,
    ),
    st.sampled_from([True, False, None]),
    st.sampled_from(["'", '"', "|", ">"]),
)
def test_what_another_writes_as_yaml_is_read_back(value: Any, flow: bool | None, style: str) -> None:
    # Texts are quoted, because PyYAML's plain ones are those of YAML 1.1, where 0e0 is a text.
    text = yaml.dump(value, Dumper=NoAliases, default_flow_style=flow, default_style=style, allow_unicode=True)
    assert plain(read_document(text.encode())) == value


class NoAliases(yaml.SafeDumper):
    """Writes a value that stands twice out twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
@example(b"{" * 100)
@example(b"&a [*a]")
@example(b"%YAML 9.9\n--- a")
def test_any_bytes_are_read_or_refused_with_a_place(data: bytes) -> None:
    for problem in [*problems(data, "yaml"), *problems(data, "json")]:
        assert problem.line >= 1
        assert problem.column >= 1


def problems(data: bytes, syntax: Syntax) -> tuple[engine.Problem, ...]:
    try:
        read_document(data, syntax)
    except engine.InvalidDocument as refusal:
        return refusal.problems
    return ()


@given(
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]).filter(math.isfinite)
)
@example(-0.0)
@example(5e-324)
@example(1e21)
@example(999999999999999900000.0)
@example(1e-7)
@example(0.000001)
@example(1.7976931348623157e308)
def test_numbers_are_written_as_ecmascript_writes_them(number: float) -> None:
    assert canonical_number(number) == rfc8785.dumps(number).decode()


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(1 - 2**53, 2**53 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=20,
    )
)
@example({"\U0001f600": 1, "\ufb33": 2, "\x00": "\x1f\x7f\u2028"})
def test_the_canonical_form_is_that_of_the_rfc8785_package(value: Any) -> None:
    assert engine.canonical_json(value) == rfc8785.dumps(value)
