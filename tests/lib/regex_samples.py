"""Texts that match a pattern, made at random."""

import random
from functools import cache
from re import _constants as op  # type: ignore[attr-defined]  # not public, and there is no other parser of patterns
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_MORE = 3
_ANY = "ab1-_ ./Zé"


def sample(pattern: str, source: random.Random) -> str:
    """Return a text that the pattern finds; where it is anchored, the text is a whole match."""
    return "".join(_node(node, source) for node in _parsed(pattern))


@cache
def _parsed(pattern: str) -> Any:
    return parser.parse(pattern)


def _node(node: Any, source: random.Random) -> str:
    kind, value = node
    if kind is op.LITERAL:
        return chr(value)
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
        least, most, part = value
        count = source.choice([least, min(most, least + 1), min(most, least + _MORE), *([most] if most < 300 else [])])
        return "".join(_all(part, source) for _ in range(count))
    if kind is op.SUBPATTERN:
        return _all(value[-1], source)
    if kind is op.BRANCH:
        return _all(source.choice(value[1]), source)
    if kind is op.IN:
        return _member(value, source)
    if kind is op.NOT_LITERAL:
        return source.choice(_ANY.replace(chr(value), ""))
    return source.choice(_ANY) if kind is op.ANY else ""


def _all(nodes: Any, source: random.Random) -> str:
    return "".join(_node(node, source) for node in nodes)


def _member(options: Any, source: random.Random) -> str:
    if options[0][0] is op.NEGATE:
        return source.choice(
            [char for char in _ANY if not any(_has(option, ord(char)) for option in options[1:])] or ["~"]
        )
    kind, value = source.choice(options)
    return chr(value if kind is op.LITERAL else source.choice([*value, source.randint(*value)]))


def _has(option: Any, code: int) -> bool:
    kind, value = option
    return bool(value == code if kind is op.LITERAL else value[0] <= code <= value[1])
