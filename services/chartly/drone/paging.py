"""How to get from a page to the next. Pure: a paging knows URLs and counts, and sends nothing.

A paging guesses the next page as soon as a page is asked for, so that it can be fetched while this one is mapped; when the
page has been counted it says which page comes next indeed, and a wrong guess is thrown away.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chartly.api.profile.v1 import profile_pb2
from chartly.drone.errors import SourceAnswerInvalid
from chartly.drone.fetching import host_of

_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^",;\s]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^",;\s]*))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """One page to ask for: its number from 1, its URL, and parameters of the paging; a link has all parameters in it already."""

    url: str
    number: int
    params: Mapping[str, str]
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What the paging has to know of a page: headers at once; records once it was counted, over it and all pages."""

    link_header: str
    url: str
    body: bytes
    records: int = 0
    records_so_far: int = 0


# What has to be known of a page's records to tell what follows it: nothing, whether there are any, or how many.
Need = Literal["nothing", "emptiness", "count"]


class Paging(ABC):
    """One way of paging, for one run."""

    needs: Need = "count"

    def __init__(self, url: str) -> None:
        self._url = url

    def first(self) -> Step:
        """Return the first page."""
        return self._step(1)

    @abstractmethod
    def guess(self, step: Step, seen: Seen | None) -> Step | None:
        """Return the page that most likely follows, before this one was counted, or even fetched (`seen` is None).

        None where that cannot be said, or nothing follows.
        """

    @abstractmethod
    def following(self, step: Step, seen: Seen) -> Step | None:
        """Return the page that follows one that was counted; None at the end."""

    def _step(self, number: int) -> Step:
        return Step(self._url, number, {})


class SinglePaging(Paging):
    """There is one page."""

    needs = "nothing"

    def guess(self, step: Step, seen: Seen | None) -> Step | None:  # noqa: D102
        return None

    def following(self, step: Step, seen: Seen) -> Step | None:  # noqa: D102
        return None


class LinkPaging(Paging):
    """The `Link` header names the next page (RFC 8288)."""

    needs = "nothing"

    def __init__(self, url: str, rel: str) -> None:
        super().__init__(url)
        self._rel = rel.lower()

    def guess(self, step: Step, seen: Seen | None) -> Step | None:  # noqa: D102
        return self.following(step, seen) if seen else None

    def following(self, step: Step, seen: Seen) -> Step | None:  # noqa: D102
        target = link_target(seen.link_header, self._rel)
        if target is None:
            return None
        return Step(urllib.parse.urljoin(seen.url, target), step.number + 1, {}, is_link=True)


class _Total:
    """The total that a page may state; read once, from the first page."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.value: int | None = None
        self._is_read = not path

    def read(self, seen: Seen | None) -> None:
        if seen is not None and not self._is_read:
            self.value = total_in(seen.body, self.path)
            self._is_read = True

    @property
    def is_open(self) -> bool:
        """Whether a page has yet to say how many there are."""
        return not self._is_read


class NumberPaging(Paging):
    """Pages are asked for by number, up to the total, or to the first empty page."""

    needs = "emptiness"

    def __init__(self, url: str, rule: profile_pb2.PageNumber) -> None:
        super().__init__(url)
        self._param = rule.page_param or "page"
        self._base = rule.base_page if rule.HasField("base_page") else 1
        self._pages = _Total(rule.total_path)

    def guess(self, step: Step, seen: Seen | None) -> Step | None:  # noqa: D102
        self._pages.read(seen)
        is_last = self._pages.value is not None and step.number >= self._pages.value
        return None if is_last or self._pages.is_open else self._step(step.number + 1)

    def following(self, step: Step, seen: Seen) -> Step | None:  # noqa: D102
        following = self.guess(step, seen)
        return following if seen.records or self._pages.value is not None else None

    def _step(self, number: int) -> Step:
        return Step(self._url, number, {self._param: str(self._base + number - 1)})


class OffsetPaging(Paging):
    """Pages are asked for by the number of records before them, up to the total, or to the first empty page.

    What counts is how many records came, not how many were asked for: a source that caps its pages loses none. An empty
    page before the total is an error.
    """

    def __init__(self, url: str, rule: profile_pb2.Offset) -> None:
        super().__init__(url)
        self._limit = rule.limit
        self._offset_param = rule.offset_param or "offset"
        self._limit_param = rule.limit_param or "limit"
        self._records = _Total(rule.total_path)

    def guess(self, step: Step, seen: Seen | None) -> Step | None:  # noqa: D102
        self._records.read(seen)
        offset = int(step.params[self._offset_param]) + self._limit
        is_last = self._records.value is not None and offset >= self._records.value
        return None if is_last or self._records.is_open else self._at(step.number + 1, offset)

    def following(self, step: Step, seen: Seen) -> Step | None:  # noqa: D102
        self._records.read(seen)
        if seen.records_so_far == self._records.value:
            return None
        if seen.records == 0:
            self._check_ended(step, seen)
            return None
        return self._at(step.number + 1, seen.records_so_far)

    def _check_ended(self, step: Step, seen: Seen) -> None:
        if self._records.value is not None and seen.records_so_far < self._records.value:
            count = f"{seen.records_so_far} of {self._records.value} promised records"
            raise SourceAnswerInvalid(host_of(seen.url), f"answers an empty page {step.number} after {count}")

    def _step(self, number: int) -> Step:
        return self._at(number, 0)

    def _at(self, number: int, offset: int) -> Step:
        return Step(self._url, number, {self._offset_param: str(offset), self._limit_param: str(self._limit)})


def paging_of(source: profile_pb2.HttpRestSource) -> Paging:
    """Return the paging that a profile declares."""
    match source.pagination.WhichOneof("kind"):
        case "header_link":
            return LinkPaging(source.url, source.pagination.header_link.rel or "next")
        case "page_number":
            return NumberPaging(source.url, source.pagination.page_number)
        case "offset":
            return OffsetPaging(source.url, source.pagination.offset)
    return SinglePaging(source.url)


def link_target(header: str, rel: str) -> str | None:
    """Return the target of the first link with a relation in a `Link` header; None if there is none."""
    for link in _LINK.finditer(header):
        relation = _REL.search(link[2])
        if relation and rel in (relation[1] or relation[2] or "").lower().split():
            return link[1]
    return None


def total_in(body: bytes, path: str) -> int | None:
    """Return the whole number at a dotted path of a JSON page; None if there is none. A key that is the whole path wins."""
    try:
        value: Any = json.loads(body)
    except ValueError:
        return None
    if isinstance(value, dict) and path not in value:
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
    elif isinstance(value, dict):
        value = value[path]
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
