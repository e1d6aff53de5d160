"""Rules of bytes as JSON Schema: what they mean for the base64 (RFC 4648, section 4) that stands for them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from chartly.contracts.messages.rules_parts import Schema, any_of, choices

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_CHAR = "[A-Za-z0-9+/]"
#: Canonical base64: padded, and the bits that stand for nothing are zero.
BASE64 = f"^(?:{_CHAR}{{4}})*(?:{_CHAR}[AQgw]==|{_CHAR}{{2}}[AEIMQUYcgkosw048]=)?$"
_PADDED = {1: "==$", 2: "=$", 0: "[^=]$"}  # how the text of so many bytes ends, modulo 3
_SIZES = {"ip": (4, 16), "ipv4": (4,), "ipv6": (16,), "uuid": (16,)}


def bytes_rules(rules: Any) -> tuple[list[Schema], list[str]]:
    """Return the parts that the schema of bytes needs, and the names of the rules that it cannot say."""
    parts = [*_lengths(rules), *_pieces(rules)]
    known = rules.WhichOneof("well_known")
    if known and getattr(rules, known):
        parts.append(any_of([_exactly(size) for size in _SIZES[known]]))
    parts += choices(rules, lambda values: [base64(value) for value in values])
    return parts, ["pattern"] if rules.HasField("pattern") else []


def base64(value: bytes) -> str:
    """Return bytes as protojson writes them."""
    return b64encode(value).decode()


def _lengths(rules: Any) -> Iterator[Schema]:
    if rules.HasField("len"):
        yield _exactly(rules.len)
    if rules.HasField("min_len") and rules.min_len:
        yield _at_least(rules.min_len)
    if rules.HasField("max_len"):
        yield _at_most(rules.max_len)


def _exactly(size: int) -> Schema:
    length = {"minLength": _text_length(size), "maxLength": _text_length(size)}
    return length | ({"pattern": _PADDED[size % 3]} if size else {})


def _at_least(size: int) -> Schema:
    length = _text_length(size)
    ends = {1: None, 2: "[^=]=?$", 0: "[^=]$"}[size % 3]
    if ends is None:
        return {"minLength": length}
    return any_of([{"minLength": length + 1}, {"minLength": length, "pattern": ends}])


def _at_most(size: int) -> Schema:
    length = _text_length(size)
    ends = {1: "==$", 2: "=$", 0: None}[size % 3]
    if ends is None:
        return {"maxLength": length}
    return any_of([{"maxLength": length - 1}, {"maxLength": length, "pattern": ends}])


def _text_length(size: int) -> int:
    return -(-size // 3) * 4


def _pieces(rules: Any) -> Iterator[Schema]:
    before = f"^(?:{_CHAR}{{4}})*"
    if rules.HasField("prefix"):
        yield {"pattern": f"^{_text_of(_bits(rules.prefix))}"}
    if rules.HasField("contains"):
        yield {"pattern": before + _one_of(_text_of("?" * 8 * start + _bits(rules.contains)) for start in range(3))}
    if rules.HasField("suffix"):
        yield {"pattern": before + _one_of(_ending(rules.suffix, rest) for rest in range(3)) + "$"}


def _ending(suffix: bytes, rest: int) -> str:
    """Return the end of a text that stands for `rest` bytes, modulo 3, of which the last are `suffix`."""
    bits = "?" * 8 * ((rest - len(suffix)) % 3) + _bits(suffix)
    return _text_of(bits + "0" * (-len(bits) % 6)) + "=" * (-rest % 3)


def _bits(value: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in value)


def _text_of(bits: str) -> str:
    """Return the pattern of the characters that hold these bits; `?` is any bit."""
    bits += "?" * (-len(bits) % 6)
    return "".join(_character(bits[start : start + 6]) for start in range(0, len(bits), 6))


def _character(bits: str) -> str:
    fitting = [
        char
        for number, char in enumerate(_ALPHABET)
        if all(wanted in ("?", bit) for wanted, bit in zip(bits, f"{number:06b}", strict=True))
    ]
    return fitting[0] if len(fitting) == 1 else _CHAR if len(fitting) == 64 else f"[{''.join(fitting)}]"


def _one_of(patterns: Iterator[str]) -> str:
    return f"(?:{'|'.join(patterns)})"
