"""Exact summation by pre-rounding: the arithmetic, and the SQL that carries it out.

A fold takes the leading bits of every value: with A = 1.5·2^s, the double (x + A) - A is x rounded to a multiple of u
= 2^(s-52), and what is left, x minus that, is exact. With n values below 2^e and s = e + ceil(log2 n), the rounded
values add up to at most 2^52·u, so every partial sum is a double and their sum is exact in any order. What is left is
at most 2^(s-53) and goes to the next fold. Folds follow until u is not above the lowest bit that any value has; then
nothing is left, and the sum of the folds is the sum of the values.

Demmel and Nguyen, "Fast Reproducible Floating-Point Summation", ARITH 21 (2013), fix the number of folds and keep an
error bound; the smallest magnitude gives the number that leaves none. Flight delays need two folds, random doubles in
(0, 1) three.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from chartly.stats.sql import literal, quoted

LOWEST_EXPONENT = -1074
"""Exponent of the smallest double above zero."""
_LOWEST_FOLD = LOWEST_EXPONENT + 52
_HIGHEST_FOLD = 1022
_MANTISSA_BITS = 53


@dataclass(frozen=True)
class Folds:
    """The folds that sum one column exactly.

    Attributes:
        exponents: exponent s of each fold's A = 1.5·2^s, falling, in [-1022, 1022].
        shift: the first fold works on values divided by 2^shift, for A would be beyond the doubles; 0 for magnitudes
            below about 1e300.
    """

    exponents: tuple[int, ...]
    shift: int = 0

    @classmethod
    def plan(cls, count: int, largest: float | None, smallest: float | None) -> Folds:
        """Return the fewest folds that leave nothing.

        Args:
            count: number of values, at most 2^40.
            largest: the greatest magnitude, finite; None or 0 if no value differs from zero.
            smallest: the least magnitude above zero.
        """
        if not largest or not smallest:
            return cls(())
        count_bits = max(1, (count - 1).bit_length())
        lowest_bit = max(math.frexp(smallest)[1] - _MANTISSA_BITS, LOWEST_EXPONENT)
        exponents = [math.frexp(largest)[1] + count_bits]
        while exponents[-1] > max(lowest_bit + 52, _LOWEST_FOLD):
            exponents.append(exponents[-1] + count_bits - _MANTISSA_BITS)
        shift = max(0, exponents[0] - _HIGHEST_FOLD)
        return cls((exponents[0] - shift, *(max(s, _LOWEST_FOLD) for s in exponents[1:])), shift)

    def query(self, source: str, value: str) -> tuple[str, list[str]]:
        """Return a query that adds the folds of a column to the rows of a source, and the names of their columns.

        Args:
            source: what can stand after FROM.
            value: unquoted name of a DOUBLE column, finite or null; the folds are named after it.
        """
        rest, names = quoted(value), []
        for number, exponent in enumerate(self.exponents):
            names.append(f"{value}#{number}")
            left = quoted(f"{value}#rest{number}")
            source = _fold_query(source, rest, quoted(names[-1]), left, exponent, 0 if number else self.shift)
            rest = left
        return source, names

    def total(self, sums: Sequence[float | None]) -> float | Fraction:
        """Return the sum of the values, given the exact sum of each fold.

        It is a double, rounded once; a fraction where it is beyond the doubles.
        """
        parts = [part or 0.0 for part in sums]
        if not self.shift:
            return math.fsum(parts)
        exact = sum((Fraction(part) for part in parts[1:]), Fraction(parts[0]) * 2**self.shift)
        try:
            return float(exact)
        except OverflowError:
            return exact


def _fold_query(source: str, rest: str, fold: str, left: str, exponent: int, shift: int) -> str:
    constant = literal(1.5 * 2.0**exponent)
    if not shift:
        fold_value, left_value = f"({rest} + {constant}) - {constant}", f"{rest} - {fold}"
    else:  # A fold may round up to 2^1024. Values that leave one are large, so half of them is exact.
        fold_value = f"({rest} * {literal(2.0**-shift)} + {constant}) - {constant}"
        half = f"{rest} * 0.5 - {fold} * {literal(2.0 ** (shift - 1))}"
        left_value = f"CASE WHEN {fold} = 0 THEN {rest} ELSE ({half}) * 2 END"
    return f"(SELECT *, {left_value} AS {left} FROM (SELECT *, {fold_value} AS {fold} FROM {source}))"
