"""What can keep a statistic from having a value."""

from __future__ import annotations


class StatisticError(ValueError):
    """A statistic is not defined for the values of a column."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


class TooFewRows(StatisticError):
    """Fewer than two rows have both values."""


class ConstantColumn(StatisticError):
    """A column does not vary, so its correlation is undefined."""


class FigureTooLarge(StatisticError):
    """A sum or a variance is beyond the largest double, 1.797…e308."""
