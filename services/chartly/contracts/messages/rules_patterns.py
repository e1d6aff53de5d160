r"""RE2, the language of `buf.validate` patterns, said in the part of ECMA-262 that every validator of JSON Schema knows.

`\d`, `\s`, `\w` and `.` mean other characters in ECMA-262, in Python and in Rust than in RE2, so they are spelled out. What
has no such form (flags, Unicode properties, `\b`, `\C`) is left to an annotation.
"""

from __future__ import annotations

import re

_CLASSES = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-\/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_SYNTAX = r"^$\.*+?()[]{}|"
_IN_CLASS = r"\[]^-"
_TOKEN = re.compile(
    r"\\x\{(?P<wide>[0-9A-Fa-f]+)\}|\\x(?P<hex>[0-9A-Fa-f]{2})|\\(?P<octal>0[0-7]{0,2}|[1-7][0-7]{2})|\\Q(?P<quoted>.*?)(?:\\E|$)"
    r"|\\(?P<escape>.)|(?P<group>\((?:\?(?:P?<\w+>|:|[^:]))?)|\[(?P<class>\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*)\]"
    r"|(?P<repeat>\{\d+(?:,\d*)?\})|(?P<plain>.)",
    re.DOTALL,
)

_CLASS_TOKEN = re.compile(r"\[:\^?\w+:\]|\\x\{[0-9A-Fa-f]+\}|\\x[0-9A-Fa-f]{2}|\\.|.", re.DOTALL)


class _NotPortable(Exception):
    """The pattern has a part that ECMA-262 lacks or reads in another way."""


def portable(pattern: str) -> str | None:
    """Return the pattern in ECMA-262 with the flag `u`, or None where it cannot be said there."""
    try:
        return "".join(_translated(token) for token in _TOKEN.finditer(pattern))
    except _NotPortable:
        return None


def literal(text: str) -> str:
    """Return the pattern that only matches this text."""
    return "".join(_character(ord(char), _SYNTAX) for char in text)


def _translated(token: re.Match[str]) -> str:
    text = token[0]
    match token.lastgroup:
        case "wide" | "hex":
            return _character(int(token[token.lastgroup], 16), _SYNTAX)
        case "octal":
            return _character(int(token["octal"], 8), _SYNTAX)
        case "quoted":
            return literal(token["quoted"])
        case "escape":
            return _escape(token["escape"])
        case "group":
            return _group(text)
        case "class":
            return _class(token["class"])
        case "plain" if text == ".":
            return r"[^\n]"
        case "plain" if text in "]{}":
            return "\\" + text
        case "plain" if text not in _SYNTAX:
            return _character(ord(text), _SYNTAX)
        case _:
            return text


def _escape(char: str) -> str:
    if char.lower() in _CLASSES:
        return f"[{'^' if char.isupper() else ''}{_CLASSES[char.lower()]}]"
    if char in "Az":
        return {"A": "^", "z": "$"}[char]
    return _escaped_character(char, _SYNTAX)


def _escaped_character(char: str, special: str) -> str:
    if char in "tnrfv":
        return "\\" + char
    if char == "a":
        return r"\x07"
    if char.isalnum():
        raise _NotPortable
    return _character(ord(char), special)


def _group(text: str) -> str:
    if text in ("(", "(?:"):
        return text
    if text.endswith(">"):
        return "(?:"
    raise _NotPortable


def _class(body: str) -> str:
    """Return a class in brackets; a negated one within another has no form."""
    negated, body = body.startswith("^"), body.removeprefix("^")
    parts = (_class_part(part) for part in _CLASS_TOKEN.findall(body))
    return f"[{'^' if negated else ''}{''.join(parts)}]"


def _class_part(part: str) -> str:
    if part.startswith("[:") and len(part) > 2:
        if part[2:-2] not in _POSIX:
            raise _NotPortable
        return _POSIX[part[2:-2]]
    if part.startswith("\\x"):
        return _character(int(part[2:].strip("{}"), 16), _IN_CLASS)
    if part.startswith("\\"):
        return _CLASSES[part[1]] if part[1] in _CLASSES else _escaped_character(part[1], _IN_CLASS)
    return part if part == "-" else _character(ord(part), _IN_CLASS)


def _character(code: int, special: str) -> str:
    char = chr(code)
    if char in special:
        return "\\" + char
    return f"\\x{code:02X}" if code < 0x20 or code == 0x7F else char
