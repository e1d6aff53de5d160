"""Patterns of schemas. They take linear time: their engine, Rust's `regex`, has no backtracking, so it refuses some patterns."""

from __future__ import annotations

from functools import lru_cache

import jsonschema_rs

#: How validators read patterns.
PATTERNS = jsonschema_rs.RegexOptions()
REFUSED = "is no pattern that is read: it may have no look-around or back-reference, and no huge repetition"


def is_read(pattern: str) -> bool:
    """Return whether a pattern is one that is read."""
    try:
        _pattern(pattern)
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern that is read is found in a text."""
    return _pattern(pattern).is_valid(text)


@lru_cache(maxsize=1000)
def _pattern(pattern: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=PATTERNS)
