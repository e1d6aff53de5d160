"""A JSON record with every value as the text it was written as, so that no number is rounded before its type is known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from chartly.api.run.v1.run_pb2 import RecordErrorReason
from chartly.engine.values import Unfit, shown

MALFORMED = RecordErrorReason.RECORD_ERROR_REASON_MALFORMED
DUPLICATE_KEY = RecordErrorReason.RECORD_ERROR_REASON_DUPLICATE_KEY
INVALID_UTF8 = RecordErrorReason.RECORD_ERROR_REASON_INVALID_UTF8


class NotFinite(str):
    """NaN or an infinity, which JSON does not have; only `replace` and `null_values` can make something of it."""

    __slots__ = ()


class Record(dict[str, Any]):
    """An object of JSON; of a key that stands twice the first value counts, and the key is remembered."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        super().__init__()
        self.repeated: set[str] = set()
        for key, value in pairs:
            if key in self:
                self.repeated.add(key)
            else:
                self[key] = value


_DECODER = json.JSONDecoder(object_pairs_hook=Record, parse_int=str, parse_float=str, parse_constant=NotFinite)


def parse_record(text: str) -> Record:
    """Return a JSON object with numbers as text.

    Raises:
        Unfit: the text is not JSON, or not an object.
    """
    try:
        record = _DECODER.decode(text)
    except ValueError as error:
        raise Unfit(f"is not JSON: {error}", MALFORMED) from None
    except RecursionError:
        raise Unfit("is nested too deeply", MALFORMED) from None
    if not isinstance(record, Record):
        raise Unfit(f"{shown(text)} is not an object", MALFORMED)
    return record


def as_json(text: str) -> str:
    """Return a text that may be JSON as JSON in one line: as it is, or as a JSON string."""
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError):
        return json.dumps(text, ensure_ascii=False)
    return text


def look_up(record: Record, path: str) -> Any:
    """Return the value at a dotted path; a key that is the whole path and has a value wins. None if there is none."""
    if (value := record.get(path)) is not None or "." not in path:
        return value
    value = record
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def has_path(record: Record, path: str) -> bool:
    """Return whether a record has a key at a dotted path, be its value null."""
    *parents, last = path.split(".")
    value: Any = record
    for step in parents:
        value = value.get(step) if isinstance(value, dict) else None
    return path in record or (isinstance(value, dict) and last in value)


def text_at(record: Record, path: str) -> str | None:
    """Return the text of the value at a dotted path: of a truth value `true` or `false`, of null None.

    Raises:
        Unfit: the value is a list or an object, its key stands twice, or a surrogate of it has no other half.
    """
    if record.repeated and not record.repeated.isdisjoint((path, path.partition(".")[0])):
        raise Unfit("stands twice in the record", DUPLICATE_KEY)
    value = look_up(record, path)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        raise Unfit(f"is {'a list' if isinstance(value, list) else 'an object'}, not a value")
    if value is None:
        return None
    text: str = value
    if not text.isascii():
        _check_unicode(text)
    return text


def _check_unicode(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unfit("has half of a surrogate pair", INVALID_UTF8) from None
