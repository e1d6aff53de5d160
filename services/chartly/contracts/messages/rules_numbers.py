"""Numeric rules as JSON Schema.

Integers of 64 bits are strings in canonical protojson, where JSON Schema knows no order; a pattern says it for them. The
number form, which protojson reads too and people write in YAML, has the same bounds as numbers.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from chartly.contracts.messages.rules_parts import Schema, any_of, choices, merge

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
#: The greatest double that a float holds: above it, rounding leads to infinity.
FLOAT_MAX = 3.4028235e38


class Bounds(NamedTuple):
    """What `gt`, `gte`, `lt` and `lte` say. Where the upper bound lies below the lower one, the values outside are meant."""

    lower: Any = None
    lower_is_strict: bool = False
    upper: Any = None
    upper_is_strict: bool = False

    @classmethod
    def of(cls, rules: Any) -> Bounds:
        """Read them from the rules of a number."""
        lower, upper = rules.WhichOneof("greater_than"), rules.WhichOneof("less_than")
        return cls(
            getattr(rules, lower) if lower else None,
            lower == "gt",
            getattr(rules, upper) if upper else None,
            upper == "lt",
        )

    @property
    def is_outside(self) -> bool:
        """Whether the values between the bounds are the forbidden ones."""
        return self.lower is not None and self.upper is not None and bool(self.upper < self.lower)

    def halves(self) -> list[Bounds]:
        """Return bounds of which a value has to meet one."""
        if not self.is_outside:
            return [self]
        return [
            Bounds(upper=self.upper, upper_is_strict=self.upper_is_strict),
            Bounds(self.lower, self.lower_is_strict),
        ]

    def allow(self, value: float) -> bool:
        """Return whether a value lies within; NaN never does."""
        return any(half._allows(value) for half in self.halves())

    def _allows(self, value: float) -> bool:
        above = self.lower is None or (value > self.lower if self.lower_is_strict else value >= self.lower)
        below = self.upper is None or (value < self.upper if self.upper_is_strict else value <= self.upper)
        return above and below

    def integers(self) -> list[tuple[int | None, int | None]]:
        """Return the ranges of allowed integers, with both ends; None is unlimited."""
        return [
            (
                None if half.lower is None else half.lower + half.lower_is_strict,
                None if half.upper is None else half.upper - half.upper_is_strict,
            )
            for half in self.halves()
        ]


def integer_rules(rules: Any, *, as_text: bool, as_number: bool) -> list[Schema]:
    """Return the parts that an integer's schema needs for its rules, in the forms that it may have."""
    parts: list[Schema] = []
    bounds = Bounds.of(rules)
    if bounds != Bounds():
        parts.append(any_of([_range(lower, upper, as_text, as_number) for lower, upper in bounds.integers()]))

    def forms(values: Sequence[int]) -> list[int | str]:
        return [*(map(str, values) if as_text else ()), *(values if as_number else ())]

    return parts + choices(rules, forms)


def _range(lower: int | None, upper: int | None, as_text: bool, as_number: bool) -> Schema:
    limits = {"minimum": lower, "maximum": upper} if as_number else {}
    pattern = {"pattern": f"^(?:{integers_between(lower, upper)})$"} if as_text else {}
    return {key: value for key, value in limits.items() if value is not None} | pattern


def float_rules(rules: Any, *, is_float: bool) -> tuple[Schema, list[str]]:
    """Return what the number form has to meet, and the names of the special values that the rules allow."""
    written: Callable[[float], float] = shortest if is_float else plain
    bounds = Bounds.of(rules)
    parts = [_float_range(half, written) for half in bounds.halves()] if bounds != Bounds() else []
    chosen = choices(rules, lambda values: [written(value) for value in values if math.isfinite(value)])
    special = [name for name, value in SPECIAL.items() if _allows_special(rules, bounds, value)]
    return merge([any_of(parts)] * bool(parts) + chosen), special


def _float_range(half: Bounds, written: Callable[[float], float]) -> Schema:
    limits = {
        "exclusiveMinimum" if half.lower_is_strict else "minimum": half.lower,
        "exclusiveMaximum" if half.upper_is_strict else "maximum": half.upper,
    }
    if half.lower == math.inf or half.upper == -math.inf or any(_is_nan(limit) for limit in limits.values()):
        return {"not": {"type": "number"}}  # no finite number can meet it
    return {key: written(value) for key, value in limits.items() if value is not None and math.isfinite(value)}


def _allows_special(rules: Any, bounds: Bounds, value: float) -> bool:
    return (
        not rules.finite
        and (bounds == Bounds() or bounds.allow(value))
        and not (rules.HasField("const") and rules.const != value)
        and not (getattr(rules, "in") and value not in list(getattr(rules, "in")))
        and value not in list(rules.not_in)
    )


def _is_nan(value: float | None) -> bool:
    return value is not None and math.isnan(value)


def plain(value: float) -> float:
    """Return a double as JSON writes it best: whole numbers that are exact as integers."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def shortest(value: float) -> float:
    """Return the shortest decimal that rounds to this float, which is what protojson writes for it."""
    for digits in range(1, 10):
        written = float(f"{value:.{digits}g}")
        if abs(written) <= FLOAT_MAX and struct.pack("<f", written) == struct.pack("<f", value):
            return plain(written)
    return plain(value)


def integers_between(lower: int | None, upper: int | None) -> str:
    """Return a pattern, to be anchored, of the canonical decimals of the integers from `lower` to `upper`; None is unlimited."""
    if lower is not None and upper is not None and lower > upper:
        return r"[^\s\S]"
    parts = []
    if lower is None or lower < 0:
        nearest = max(1, -upper) if upper is not None and upper < 0 else 1
        parts.append(f"-(?:{_naturals(nearest, None if lower is None else -lower)})")
    if upper is None or upper >= 0:
        parts.append(_naturals(max(lower or 0, 0), upper))
    return "|".join(parts)


def _naturals(lower: int, upper: int | None) -> str:
    """Return the alternatives for lower <= n <= upper, both at least 0 and in order."""
    parts = []
    if upper is None:
        if lower <= 1:
            return "0|[1-9][0-9]*" if lower == 0 else "[1-9][0-9]*"
        upper, longer = 10 ** len(str(lower)) - 1, f"[1-9][0-9]{{{len(str(lower))},}}"
        parts.append(longer)
    first, last = len(str(lower)), len(str(upper))
    if first == last:
        return "|".join([*_same_length(str(lower), str(upper)), *parts])
    found = _same_length(str(lower), "9" * first)
    if last - first > 1:
        middle = f"{first}" if last - first == 2 else f"{first},{last - 2}"
        found.append(f"[1-9][0-9]{{{middle}}}")
    return "|".join([*found, *_same_length("1" + "0" * (last - 1), str(upper)), *parts])


def _same_length(lower: str, upper: str) -> list[str]:
    """Return the alternatives for numbers of as many digits as both have."""
    if not lower:
        return [""]
    if set(lower[1:]) <= {"0"} and set(upper[1:]) <= {"9"}:
        return [_digits(lower[0], upper[0]) + _any_digits(len(lower) - 1)]
    if lower[0] == upper[0]:
        return [lower[0] + rest for rest in _same_length(lower[1:], upper[1:])]
    low, high = int(lower[0]), int(upper[0])
    parts = []
    if set(lower[1:]) != {"0"}:
        parts += [lower[0] + rest for rest in _same_length(lower[1:], "9" * (len(lower) - 1))]
        low += 1
    tail: list[str] = []
    if set(upper[1:]) != {"9"}:
        tail = [upper[0] + rest for rest in _same_length("0" * (len(upper) - 1), upper[1:])]
        high -= 1
    if low <= high:
        parts.append(_digits(str(low), str(high)) + _any_digits(len(lower) - 1))
    return parts + tail


def _digits(low: str, high: str) -> str:
    return low if low == high else f"[{low}-{high}]"


def _any_digits(count: int) -> str:
    return "" if count == 0 else "[0-9]" if count == 1 else f"[0-9]{{{count}}}"
