"""Page tokens go on where they were made, and nowhere else."""

from __future__ import annotations

import pytest
from chartly.runtime.errors import InvalidPageToken
from chartly.runtime.pages import MAX_PAGE_BYTES, decode_page_token, encode_page_token, fitting, page_size
from google.protobuf.wrappers_pb2 import BytesValue
from hypothesis import given
from hypothesis import strategies as st

STATES = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=20), max_size=4)


@given(STATES, st.text(max_size=20))
def test_a_token_comes_back_as_the_place_it_names(state: dict[str, object], of: str) -> None:
    token = encode_page_token(state, of=of)
    assert decode_page_token(token, of=of) == state
    assert token.isascii()
    assert not set(token) & set("+/= ")


@given(STATES, st.integers(min_value=0), st.characters())
def test_a_changed_token_is_refused(state: dict[str, object], place: int, character: str) -> None:
    token = encode_page_token(state, of="runs")
    at = place % (len(token) - 1)  # the last character may hold bits that say nothing
    changed = token[:at] + character + token[at + 1 :]
    if changed != token:
        with pytest.raises(InvalidPageToken):
            decode_page_token(changed, of="runs")


@pytest.mark.parametrize("token", ["x", "====", "ü", "a b", "AAAAAAAAAAAA", "e30"])
def test_what_was_never_a_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidPageToken):
        decode_page_token(token)


def test_a_token_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidPageToken):
        decode_page_token(encode_page_token({"after": 7}, of="runs state=FAILED"), of="runs state=DEAD")


def test_a_list_begins_with_no_token() -> None:
    assert decode_page_token("", of="runs") == {}


@pytest.mark.parametrize(("requested", "size"), [(0, 100), (1, 1), (1000, 1000), (1001, 1000), (-1, 100)])
def test_a_page_is_never_larger_than_the_largest(requested: int, size: int) -> None:
    assert page_size(requested) == size


def test_a_page_holds_as_many_items_as_fit_and_one_at_least() -> None:
    large, third = BytesValue(value=bytes(MAX_PAGE_BYTES)), BytesValue(value=bytes(MAX_PAGE_BYTES // 3))
    assert fitting([]) == []
    assert fitting([large, large]) == [large]
    assert fitting([third, large]) == [third]
    assert fitting([third] * 5) == [third] * 2
    assert fitting([BytesValue()] * 1000) == [BytesValue()] * 1000
