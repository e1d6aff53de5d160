"""Canonical JSON (RFC 8785) of messages, and digests over it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from json.encoder import encode_basestring
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message


def message_digest(message: Message) -> str:
    """Return `sha256:` and the digest of the RFC 8785 form of a message's protojson, with the proto's field names."""
    return json_digest(json_format.MessageToDict(message, preserving_proto_field_name=True))


def json_digest(value: Any) -> str:
    """Return `sha256:` and the digest of the RFC 8785 form of JSON values."""
    return f"sha256:{hashlib.sha256(canonical_json(value)).hexdigest()}"


def canonical_json(value: Any) -> bytes:
    """Return the RFC 8785 form of JSON values: keys by UTF-16 code units, numbers as ECMAScript writes them.

    Raises:
        ValueError: a number is not finite, or an integer beyond 2^53.
    """
    text = _ENCODER.encode(value)
    return (canonical_value(value) if _DIFFERS.search(text) else text).encode("utf-8")


#: It writes the RFC 8785 form ten times as quick, but for what `_DIFFERS` finds.
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), sort_keys=True)
#: What may be a double or an integer beyond 2^53, or a key that UTF-16 puts elsewhere; in a text too, which only costs time.
_DIFFERS = re.compile(r"(?:\A|[:,\[])-?[0-9]+[.e]|[0-9]{16}|NaN|Infinity|[^\x00-\ud7ff]")


def canonical_value(value: Any) -> str:
    """Return the RFC 8785 text of JSON values.

    Raises:
        ValueError: a number is not finite, or an integer beyond 2^53.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, float):
        return canonical_number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > 2**53 - 1:
            raise ValueError(f"{value} is beyond 2^53 - 1")
        return str(value)
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{encode_basestring(key)}:{canonical_value(value[key])}" for key in keys) + "}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(canonical_value, value))}]"
    return json.dumps(value)


def canonical_number(number: float) -> str:
    """Return a double as ECMAScript's Number::toString writes it (ECMA-262 6.1.6.1.20), minus zero as `0`.

    Raises:
        ValueError: the number is not finite.
    """
    if not math.isfinite(number):
        raise ValueError(f"{number} is no JSON number")
    text = repr(number)
    if "e" not in text:
        return "0" if number == 0 else text.removesuffix(".0")
    return _with_exponent(number)


def _with_exponent(number: float) -> str:
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = int(exponent or 0) + len(whole) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return sign + _layout(digits, point)


def _layout(digits: str, point: int) -> str:
    """Write `0.digits` times ten to the power of `point`."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    exponent = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}{exponent}"
