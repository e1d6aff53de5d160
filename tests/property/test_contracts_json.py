"""JSON without places says what JSON with places says, or leaves it to that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chartly.contracts.checks.quick_json import NotQuick, quick_json
from chartly.engine.document import plain, read_document
from hypothesis import example, given
from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
TEXTS = VALUES.map(json.dumps) | VALUES.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1))
SPOILT = st.tuples(TEXTS, st.integers(0, 50), st.text('{}[]:,"\\u0d8e+.-1 \n\x00', max_size=3)).map(
    lambda told: told[0][: told[1]] + told[2] + told[0][told[1] :]
)


def quick(data: bytes) -> Any:
    return quick_json(data, max_size_bytes=10_000, max_depth=10)


@given(TEXTS | SPOILT)
@example('{"a": 1, "a": 2}')
@example("[" * 11 + "]" * 11)
@example("[" * 10 + "]" * 10)
@example("1e999")
@example("9" * 401)
@example('"\\ud800"')
@example("\ufeff{}")
@example("NaN")
@example("-0")
@example("1 2")
def test_what_is_read_quickly_is_what_is_read(text: str) -> None:
    data = text.encode(errors="surrogatepass")
    try:
        value = quick(data)
    except NotQuick:
        return
    read = plain(read_document(data, "json", max_size_bytes=10_000, max_depth=10))
    assert json.dumps(value) == json.dumps(read)


@pytest.mark.parametrize(
    "data", [b'{"a": 1, "a": 2}', b"[" * 11 + b"]" * 11, b"1e999", b"\xff", b"[" * 100_000, b" " * 10_001]
)
def test_what_needs_a_closer_look_is_not_read_quickly(data: bytes) -> None:
    with pytest.raises(NotQuick):
        quick(data)


def test_a_common_document_is_read_quickly() -> None:
    assert quick(b'{"a": [1, 2.5, "x", null, true]}') == {"a": [1, 2.5, "x", None, True]}
