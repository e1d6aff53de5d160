"""The words that a contract is found by: of its name, description, owner and labels, and of the names of its fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from chartly.registry.contract_evolution import About

_WORD = re.compile(r"[^\W_]+")
# `unitPrice` is found by `price` too.
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LAST = "\U0010ffff"


def words_of(contract_id: str, about: About, fields: Iterable[str]) -> frozenset[str]:
    """Return all words of a contract."""
    return words((contract_id, about.description, about.owner, *about.labels, *fields))


def words(texts: Iterable[str]) -> frozenset[str]:
    """Return the words of some texts in lower case, in one Unicode form, whole and split at humps."""
    return frozenset[str]().union(*map(_words_in, texts))


@lru_cache(maxsize=2000)
def _words_in(text: str) -> frozenset[str]:
    found = _WORD.findall(unicodedata.normalize("NFKC", text))
    return frozenset(part.casefold() for word in found for part in (word, *_HUMP.split(word)))


def like(word: str) -> str:
    """Return a text that is greater than all words that begin with a word, and no greater than any other."""
    return word + _LAST
