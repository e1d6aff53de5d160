"""Cutting the texts of records out of a JSON page, so that no number of theirs is written again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]

_SPACE = re.compile(r"[ \t\n\r]*")
_MAX_KEYS_SHOWN = 20


def slices(text: str, path: str) -> Iterator[str]:
    """Yield the text of each record of a JSON page: the items of the list at a dotted path, or the object there.

    Raises:
        ValueError: the text is not JSON.
        LookupError: there is no list and no object at the path; says what is there.
    """
    _DECODER.decode(text)
    at = _skip(text, 0)
    for step in path.split(".") if path else ():
        at = _member(text, at, step, path)
    if text[at] == "{":
        yield _one_line(text[at : _end(text, at)])
    elif text[at] == "[":
        yield from _items(text, at)
    else:
        raise LookupError(f'records.path "{path}" leads to a value that is no list of records')


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def _one_line(text: str) -> str:
    """Return JSON in one line, so that records can be kept and mapped again as NDJSON; no string has a line end in it."""
    return text.replace("\n", " ").replace("\r", " ")


def _end(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _items(text: str, at: int) -> Iterator[str]:
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _end(text, at)
        yield _one_line(text[at:end])
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _member(text: str, at: int, step: str, path: str) -> int:
    """Return where the value of a key of the object at a place begins."""
    keys: list[str] = []
    if text[at] == "{":
        at = _skip(text, at + 1)
        while text[at] != "}":
            key, at = scanstring(text, at + 1, True)
            at = _skip(text, _skip(text, at) + 1)
            if key == step:
                return at
            keys.append(key)
            at = _skip(text, _end(text, at))
            at = _skip(text, at + 1) if text[at] == "," else at
    shown = f"its keys: {', '.join(keys[:_MAX_KEYS_SHOWN])}" if keys else "there is no object with keys"
    raise LookupError(f'records.path "{path}" is not in the page; {shown}')


def json_path(path: str) -> str:
    """Return a dotted path as DuckDB's JSON path, in which every key is quoted."""
    return "$" + "".join(
        '."' + step.replace("\\", "\\\\").replace('"', '\\"') + '"' for step in path.split(".") if path
    )
