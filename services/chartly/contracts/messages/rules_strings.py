"""Rules of strings as JSON Schema.

The patterns of well-known formats are those that protovalidate decides by. Lengths in bytes and the grammar of URIs have no
form in JSON Schema that a reader could check, so what follows from them is said and the rule is left to an annotation.
"""

from __future__ import annotations

from typing import Any

from chartly.contracts.messages.rules_parts import Schema, choices
from chartly.contracts.messages.rules_patterns import literal, portable

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = rf"{_LABEL}(?:\.{_LABEL})*\.?"
_BYTE = "(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_H16 = "[0-9A-Fa-f]{1,4}"
_LS32 = f"(?:{_H16}:{_H16}|{_IPV4})"
_IPV6 = (
    "(?:"
    + "|".join(
        [
            f"(?:{_H16}:){{6}}{_LS32}",
            f"::(?:{_H16}:){{5}}{_LS32}",
            *(f"(?:{_H16}(?::{_H16}){{0,{before}}})?::(?:{_H16}:){{{4 - before}}}{_LS32}" for before in range(5)),
            f"(?:{_H16}(?::{_H16}){{0,5}})?::{_H16}",
            f"(?:{_H16}(?::{_H16}){{0,6}})?::",
        ]
    )
    + ")"
)
_ZONE = r"(?:%[^\x00]+)?"
_V4_PREFIX = f"{_IPV4}/(?:[0-9]|[12][0-9]|3[0-2])"
_V6_PREFIX = f"{_IPV6}/(?:[0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])"
_PORT = "(?:0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_URI_CHAR = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_NAME = "[A-Za-z_][A-Za-z_0-9]*"
_NUMERIC_END: Schema = {"not": {"pattern": r"(?:^|\.)[0-9]+\.?$"}}
_HOST: list[Schema] = [{"pattern": f"^{_HOSTNAME}$", "maxLength": 253}, _NUMERIC_END]

#: What each format asks for.
FORMATS: dict[str, list[Schema]] = {
    "email": [{"pattern": rf"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*$"}],
    "hostname": _HOST,
    "ip": [{"pattern": f"^(?:{_IPV4}|{_IPV6}{_ZONE})$"}],
    "ipv4": [{"pattern": f"^{_IPV4}$"}],
    "ipv6": [{"pattern": f"^{_IPV6}{_ZONE}$"}],
    "uri": [{"format": "uri", "pattern": f"^[A-Za-z][A-Za-z0-9+.-]*:{_URI_CHAR}*$"}],
    "uri_ref": [{"format": "uri-reference", "pattern": f"^{_URI_CHAR}*$"}],
    "address": [{"anyOf": [{"pattern": f"^(?:{_IPV4}|{_IPV6}{_ZONE})$"}, {"allOf": _HOST}]}],
    "uuid": [{"pattern": "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}],
    "tuuid": [{"pattern": "^[0-9a-fA-F]{32}$"}],
    "ip_with_prefixlen": [{"pattern": f"^(?:{_V4_PREFIX}|{_V6_PREFIX})$"}],
    "ipv4_with_prefixlen": [{"pattern": f"^{_V4_PREFIX}$"}],
    "ipv6_with_prefixlen": [{"pattern": f"^{_V6_PREFIX}$"}],
    "ip_prefix": [{"pattern": f"^(?:{_V4_PREFIX}|{_V6_PREFIX})$"}],
    "ipv4_prefix": [{"pattern": f"^{_V4_PREFIX}$"}],
    "ipv6_prefix": [{"pattern": f"^{_V6_PREFIX}$"}],
    "host_and_port": [{"pattern": f"^(?:{_HOSTNAME}|{_IPV4}|\\[{_IPV6}{_ZONE}\\]):{_PORT}$"}],
    "ulid": [{"pattern": "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"}],
    "protobuf_fqn": [{"pattern": rf"^{_NAME}(?:\.{_NAME})*$"}],
    "protobuf_dot_fqn": [{"pattern": rf"^\.{_NAME}(?:\.{_NAME})*$"}],
}
#: Formats whose patterns let more pass than the rule.
_LOOSE = ("uri", "uri_ref", "ip_prefix", "ipv4_prefix", "ipv6_prefix", "host_and_port")
# KnownRegex, strict or not: RFC 9110 tokens and field values, or what at least cannot split a header.
_HEADERS = {
    (1, True): "^:?[0-9a-zA-Z!#$%&'*+.^_|~`-]+$",
    (1, False): r"^[^\x00\x0A\x0D]+$",
    (2, True): r"^[^\x00-\x08\x0A-\x1F\x7F]*$",
    (2, False): r"^[^\x00\x0A\x0D]*$",
}


def string_rules(rules: Any) -> tuple[list[Schema], list[str]]:
    """Return the parts that a string's schema needs, and the names of the rules that they do not say in full."""
    parts = [*_lengths(rules), *_pieces(rules), *choices(rules, list)]
    left = [name for name in ("len_bytes", "min_bytes", "max_bytes") if rules.HasField(name)]
    if rules.HasField("pattern"):
        pattern = portable(rules.pattern)
        parts += [{"pattern": pattern}] if pattern is not None else []
        left += ["pattern"] if pattern is None else []
    known = rules.WhichOneof("well_known")
    if known == "well_known_regex" and rules.well_known_regex:
        strict = not rules.HasField("strict") or rules.strict
        parts.append({"pattern": _HEADERS[rules.well_known_regex, strict]})
    elif known in FORMATS and getattr(rules, known):
        parts += FORMATS[known]
        left += [known] if known in _LOOSE else []
    return parts, left


def _lengths(rules: Any) -> list[Schema]:
    """A character takes one to four bytes, so lengths in bytes limit those in characters."""
    least = [("minLength", rules.len, "len"), ("minLength", rules.min_len, "min_len")]
    least += [("minLength", -(-getattr(rules, name) // 4), name) for name in ("len_bytes", "min_bytes")]
    most = [("maxLength", getattr(rules, name), name) for name in ("len", "max_len", "len_bytes", "max_bytes")]
    return [{keyword: value} for keyword, value, name in least + most if rules.HasField(name)]


def _pieces(rules: Any) -> list[Schema]:
    parts: list[Schema] = []
    if rules.HasField("prefix"):
        parts.append({"pattern": f"^{literal(rules.prefix)}"})
    if rules.HasField("suffix"):
        parts.append({"pattern": f"{literal(rules.suffix)}$"})
    if rules.HasField("contains"):
        parts.append({"pattern": literal(rules.contains)})
    if rules.HasField("not_contains"):
        parts.append({"not": {"pattern": literal(rules.not_contains)}})
    return parts
