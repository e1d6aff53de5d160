"""Rules of `buf.validate` as atoms: each admits a set of values, and a field's rules are the intersection of its atoms.

An atom implies another when every value that it admits the other admits too. Where that is not known it is said not to be,
so a comparison may call a change tighter or looser that is neither, but never the reverse. What a rule means is said in
`buf/validate/validate.proto`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

# (least, whether it is left out, most, whether it is left out)
Interval = tuple[float, bool, float, bool]

_INFINITY = math.inf
_MOST_SHOWN = 10
_FLOATS = frozenset({"float", "double"})
_COUNTS = {
    "characters": ("len", "min_len", "max_len"),
    "bytes": ("len_bytes", "min_bytes", "max_bytes"),
    "items": ("", "min_items", "max_items"),
    "pairs": ("", "min_pairs", "max_pairs"),
}
_BOUNDS = ("gt", "gte", "lt", "lte")
# What each well-known format is a case of.
_WIDER = {
    "ipv4": {"ip", "address"},
    "ipv6": {"ip", "address"},
    "ip": {"address"},
    "hostname": {"address"},
    "uri": {"uri_ref"},
    "ipv4_with_prefixlen": {"ip_with_prefixlen"},
    "ipv6_with_prefixlen": {"ip_with_prefixlen"},
    "ipv4_prefix": {"ip_prefix", "ipv4_with_prefixlen", "ip_with_prefixlen"},
    "ipv6_prefix": {"ip_prefix", "ipv6_with_prefixlen", "ip_with_prefixlen"},
    "ip_prefix": {"ip_with_prefixlen"},
}
_FORMATS = frozenset(
    {*_WIDER, "address", "ip_with_prefixlen", "email", "uri_ref", "uuid", "tuuid", "host_and_port"}
) | {
    "ulid",
    "protobuf_fqn",
    "protobuf_dot_fqn",
}
_FROM_NOW = "distance from now"


@dataclass(frozen=True)
class Atom:
    """A rule that only an equal one implies; `key` is its name in `buf.validate`, `kind` that of the values."""

    key: str
    kind: str
    value: Any

    def implies(self, other: Atom) -> bool:
        """Return whether every value that this one admits the other admits too, as far as is known."""
        return self == other

    def admits(self, value: Any) -> bool:
        """Return whether a value of the same kind is admitted, as far as is known."""
        return False

    def __str__(self) -> str:
        return f"{self.key} {self.value}"


@dataclass(frozen=True)
class Among(Atom):
    """`const`, `in` and `defined_only`: the value is one of some."""

    def implies(self, other: Atom) -> bool:
        """Return whether each of the values is admitted."""
        return self == other or (self.kind == other.kind and all(other.admits(value) for value in self.value))

    def admits(self, value: Any) -> bool:
        """Return whether the value is one of them."""
        return value in self.value

    def __str__(self) -> str:
        return f"{self.key} {_listed(self.value)}"


@dataclass(frozen=True)
class NotAmong(Atom):
    """`not_in`: the value is none of some."""

    def implies(self, other: Atom) -> bool:
        """Return whether the other leaves out no more."""
        return isinstance(other, NotAmong) and self.kind == other.kind and other.value <= self.value

    def admits(self, value: Any) -> bool:
        """Return whether the value is none of them."""
        return value not in self.value

    def __str__(self) -> str:
        return f"{self.key} {_listed(self.value)}"


@dataclass(frozen=True)
class Within(Atom):
    """Bounds of a value or of a size: it lies in one of some intervals."""

    def implies(self, other: Atom) -> bool:
        """Return whether each interval lies in one of the other's, or outside what the other leaves out."""
        if self.kind != other.kind:
            return False
        if isinstance(other, NotAmong) and self.key == "bounds":
            return not any(self.admits(value) for value in other.value)
        return (
            isinstance(other, Within)
            and self.key == other.key
            and all(any(_inside(inner, outer) for outer in other.value) for inner in self.value)
        )

    def admits(self, value: Any) -> bool:
        """Return whether the value lies in an interval."""
        match self.key:
            case "bounds":
                size = value
            case "distance from now":
                return False  # it is another one tomorrow
            case "length in bytes" if isinstance(value, str):
                size = len(value.encode())
            case _:
                size = len(value)
        return any(_inside((size, False, size, False), interval) for interval in self.value)

    def __str__(self) -> str:
        text = " or ".join(
            f"{'(' if open_low or low == -_INFINITY else '['}{low}, {high}{')' if open_high or high == _INFINITY else ']'}"
            for low, open_low, high, open_high in self.value
        )
        return f"{self.key} in {text or 'nothing'}"


@dataclass(frozen=True)
class Part(Atom):
    """`prefix`, `suffix`, `contains` and `not_contains`."""

    def implies(self, other: Atom) -> bool:
        """Return whether the part is there for every text that has this one."""
        if self.kind != other.kind or not isinstance(other, Part):
            return False
        match self.key, other.key:
            case "not_contains", "not_contains":
                return self.value in other.value
            case "prefix", "prefix":
                return bool(self.value.startswith(other.value))
            case "suffix", "suffix":
                return bool(self.value.endswith(other.value))
            case "prefix" | "suffix" | "contains", "contains":
                return other.value in self.value
        return False

    def admits(self, value: Any) -> bool:
        """Return whether the value has the part, or has it not."""
        match self.key:
            case "prefix":
                return bool(value.startswith(self.value))
            case "suffix":
                return bool(value.endswith(self.value))
            case "contains":
                return self.value in value
        return self.value not in value

    def __str__(self) -> str:
        return f"{self.key} {self.value!r}"


@dataclass(frozen=True)
class Pattern(Atom):
    """`pattern`: two are compared by their text, and only the empty text is tried."""

    def admits(self, value: Any) -> bool:
        """Return whether the empty text matches; about others nothing is said, for Python's dialect is not RE2's."""
        try:
            return not value and re.search(self.value, "") is not None
        except re.error:
            return False


@dataclass(frozen=True)
class Format(Atom):
    """A well-known format of texts or bytes, as in `email`."""

    wider: ClassVar[dict[str, set[str]]] = _WIDER

    def implies(self, other: Atom) -> bool:
        """Return whether the other is a wider format."""
        return self.kind == other.kind and (self.key == other.key or other.key in self.wider.get(self.key, ()))

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True)
class Flag(Atom):
    """`unique` and `finite`, which a zero value never breaks."""

    def admits(self, value: Any) -> bool:
        """Return whether it is the zero value."""
        return not value

    def implies(self, other: Atom) -> bool:
        """Return whether the other is the same flag."""
        return isinstance(other, Flag) and self.key == other.key

    def __str__(self) -> str:
        return self.key


_SETS: dict[str, type[Atom]] = {"const": Among, "in": Among, "defined_only": Among, "not_in": NotAmong}
_ATOMS: dict[str, type[Atom]] = {
    **dict.fromkeys(("prefix", "suffix", "contains", "not_contains"), Part),
    **dict.fromkeys(_FORMATS, Format),
    "pattern": Pattern,
    "unique": Flag,
    "finite": Flag,
}
# Read elsewhere: bounds and sizes together, what elements keep on its own, examples not at all.
_OTHERWISE = frozenset({*_BOUNDS, "strict", "example", "items", "keys", "values"}) | {
    key for keys in _COUNTS.values() for key in keys
}


def atoms_of(kind: str, rules: Message, enum_numbers: Iterable[int] = ()) -> Iterator[Atom]:
    """Yield the atoms of a message such as `Int32Rules`.

    Args:
        kind: its field in FieldRules, as in `int32`.
        rules: the message.
        enum_numbers: for `enum`, the numbers that the enum defines.
    """
    said = {field.name: _plain(value) for field, value in rules.ListFields() if not field.is_extension}
    family = _family(kind)
    yield from _bounds(kind, family, said)
    yield from _counts(family, said)
    for key, value in said.items():
        if atom := _atom(kind, family, key, value, said, enum_numbers):
            yield atom
    if unknown := _predefined(rules):
        yield Atom("predefined", family, unknown)


def _atom(
    kind: str, family: str, key: str, value: Any, said: dict[str, Any], enum_numbers: Iterable[int]
) -> Atom | None:
    if key in _OTHERWISE or (key != "const" and value in (False, 0, ())):
        return None
    if key == "well_known_regex":
        return Atom(key, family, (value, said.get("strict", True)))
    if key == "within":
        return Within(_FROM_NOW, family, ((0, False, value, False),))
    if kind == "field_mask":
        return Atom(key, family, value)
    if key in _SETS:
        value = {"const": (value,), "defined_only": enum_numbers}.get(key, value)
        return _SETS[key](key, family, frozenset(value))
    return _ATOMS.get(key, Atom)(key, family, value)


def _bounds(kind: str, family: str, said: dict[str, Any]) -> Iterator[Atom]:
    if not any(key in said for key in _BOUNDS):
        return
    step = 0 if kind in _FLOATS else 1
    low, open_low = (said["gt"], True) if "gt" in said else (said.get("gte", -_INFINITY), False)
    high, open_high = (said["lt"], True) if "lt" in said else (said.get("lte", _INFINITY), False)
    if step and open_low:
        low, open_low = low + step, False
    if step and open_high:
        high, open_high = high - step, False
    lowest, highest = said.get("gt", said.get("gte", -_INFINITY)), said.get("lt", said.get("lte", _INFINITY))
    if highest < lowest:  # then they say where the value is not
        yield Within("bounds", family, ((-_INFINITY, False, high, open_high), (low, open_low, _INFINITY, False)))
    else:
        yield Within("bounds", family, ((low, open_low, high, open_high),) if low <= high else ())


def _counts(family: str, said: dict[str, Any]) -> Iterator[Atom]:
    for subject, (exact, least, most) in _COUNTS.items():
        if exact in said:
            yield Within(_subject(family, subject), family, ((said[exact], False, said[exact], False),))
        low, high = said.get(least, 0), said.get(most, _INFINITY)
        if low or high != _INFINITY:
            yield Within(_subject(family, subject), family, ((low, False, high, False),) if low <= high else ())


def _subject(family: str, subject: str) -> str:
    return "length in bytes" if subject == "bytes" or family == "bytes" else f"number of {subject}"


def _predefined(rules: Message) -> bytes:
    rest = type(rules)()
    rest.CopyFrom(rules)
    for field, _ in rules.ListFields():
        if not field.is_extension:
            rest.ClearField(field.name)
    return rest.SerializeToString(deterministic=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Duration | Timestamp):
        return value.seconds * 1_000_000_000 + value.nanos
    if isinstance(value, Message):
        return value.SerializeToString(deterministic=True)
    if isinstance(value, str | bytes | int | float):
        return value
    return tuple(_plain(item) for item in value)


def _family(kind: str) -> str:
    if kind in _FLOATS:
        return "float"
    return "int" if kind == "enum" or kind.endswith(("32", "64")) else kind


def _inside(inner: Interval, outer: Interval) -> bool:
    (low, open_low, high, open_high), (bottom, open_bottom, top, open_top) = inner, outer
    above = bottom < low or (bottom == low and (open_low or not open_bottom))
    below = high < top or (high == top and (open_high or not open_top))
    return above and below


def _listed(values: Iterable[Any]) -> str:
    shown = [repr(value) for value in sorted(values)]
    more = [f"{len(shown) - _MOST_SHOWN} more"] if len(shown) > _MOST_SHOWN else []
    return f"[{', '.join([*shown[:_MOST_SHOWN], *more])}]"
