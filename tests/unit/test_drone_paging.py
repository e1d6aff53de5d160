"""How a paging gets from a page to the next."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chartly.api.profile.v1 import profile_pb2
from chartly.drone.errors import SourceAnswerInvalid
from chartly.drone.paging import Paging, Seen, Step, link_target, paging_of, total_in

URL = "https://api.example.com/items"


def a_paging(**pagination: Any) -> Paging:
    source = profile_pb2.HttpRestSource(url=URL)
    source.pagination.CopyFrom(profile_pb2.Pagination(**pagination))
    return paging_of(source)


def seen(*, records: int = 0, so_far: int = 0, link: str = "", body: Any = None) -> Seen:
    return Seen(link_header=link, url=URL, body=json.dumps(body).encode(), records=records, records_so_far=so_far)


def after(paging: Paging, step: Step, page: Seen) -> Step:
    following = paging.following(step, page)
    assert following is not None
    return following


def test_a_single_page_is_followed_by_none() -> None:
    paging = paging_of(profile_pb2.HttpRestSource(url=URL))
    assert paging.first() == Step(URL, 1, {})
    assert paging.following(paging.first(), seen(records=3)) is None
    assert paging.guess(paging.first(), None) is None


def test_numbers_count_from_the_base_until_a_page_is_empty() -> None:
    paging = a_paging(page_number=profile_pb2.PageNumber(page_param="p", base_page=0))
    first = paging.first()
    second = after(paging, first, seen(records=3))
    assert (first.params, second.params) == ({"p": "0"}, {"p": "1"})
    assert paging.guess(first, None) == second
    assert paging.following(second, seen(records=0)) is None


def test_a_total_of_pages_is_the_end_whatever_a_page_holds() -> None:
    paging = a_paging(page_number=profile_pb2.PageNumber(total_path="meta.pages"))
    first = paging.first()
    assert paging.guess(first, None) is None
    second = after(paging, first, seen(records=3, body={"meta": {"pages": 3}}))
    third = after(paging, second, seen(records=0, body={}))
    assert third.params == {"page": "3"}
    assert paging.following(third, seen(records=2, body={})) is None
    assert paging.guess(third, None) is None


def test_a_total_that_is_not_there_leaves_the_first_empty_page_as_the_end() -> None:
    paging = a_paging(page_number=profile_pb2.PageNumber(total_path="pages"))
    second = after(paging, paging.first(), seen(records=3, body={"items": []}))
    assert paging.following(second, seen(records=0)) is None


def test_an_offset_is_the_number_of_records_that_came() -> None:
    paging = a_paging(offset=profile_pb2.Offset(limit=100, offset_param="start", limit_param="rows"))
    first = paging.first()
    assert first.params == {"start": "0", "rows": "100"}
    guessed = paging.guess(first, seen())
    assert guessed is not None
    assert guessed.params["start"] == "100"
    assert after(paging, first, seen(records=100, so_far=100)) == guessed
    assert after(paging, first, seen(records=40, so_far=40)).params["start"] == "40"
    assert paging.following(guessed, seen(records=0, so_far=100)) is None


def test_a_total_of_records_is_reached_or_it_is_an_error() -> None:
    paging = a_paging(offset=profile_pb2.Offset(limit=2, total_path="total"))
    first = paging.first()
    second = after(paging, first, seen(records=2, so_far=2, body={"total": 3}))
    assert paging.following(second, seen(records=1, so_far=3)) is None
    with pytest.raises(SourceAnswerInvalid, match="empty page 2 after 2 of 3 promised records"):
        paging.following(second, seen(records=0, so_far=2))


def test_links_lead_on_and_relative_ones_are_resolved() -> None:
    paging = a_paging(header_link=profile_pb2.HeaderLink())
    following = after(paging, paging.first(), seen(link='</items?cursor=b>; rel="next"'))
    assert following == Step(f"{URL}?cursor=b", 2, {}, is_link=True)
    assert paging.following(following, seen(link='</items>; rel="prev"')) is None
    assert paging.guess(paging.first(), None) is None


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a/b?x=1,2>; rel="next"', "https://a/b?x=1,2"),
        ("<b>; rel=next", "b"),
        ('<a>; rel="prev", <b>; title="a, \\"next\\""; rel="last next"', "b"),
        ('<a>; rel="prev"; title="rel=next"', None),
        ('<b>;REL="NEXT"', "b"),
        ("", None),
        ("next", None),
    ],
)
def test_link_headers_are_read_as_rfc_8288_writes_them(header: str, target: str | None) -> None:
    assert link_target(header, "next") == target


@pytest.mark.parametrize(
    ("body", "path", "total"),
    [
        ({"total": 7}, "total", 7),
        ({"a": {"b": "12"}}, "a.b", 12),
        ({"a.b": 3, "a": {"b": 4}}, "a.b", 3),
        ({"a": [1]}, "a.b", None),
        ({"total": None}, "total", None),
        ({"total": "many"}, "total", None),
        ([1], "total", None),
    ],
)
def test_totals_are_read_at_their_path(body: Any, path: str, total: int | None) -> None:
    assert total_in(json.dumps(body).encode(), path) == total


def test_a_page_that_is_no_json_has_no_total() -> None:
    assert total_in(b"a,b\n1,2\n", "total") is None
