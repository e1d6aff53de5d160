"""SQL (DuckDB) that reads columns of texts as a type, where the texts have a plain form of it.

A form casts a text to a value, writes the value again, says whether the value is what the text means, and gives the value's
RFC 8785 text. DuckDB's casts take more than they should (`1.5` is the integer 2, `1_000` a number, `24:00` an hour), so what
does not come out as it went in must match a pattern. Whatever fits here, `reading` reads alike; it decides all the rest.
"""

from __future__ import annotations

from chartly.engine.values import DECIMAL_DIGITS, MAX_EXACT_INTEGER, NUMBER_PATTERN

# A JSON number with more than 15 digits, or near zero, may have been rounded on the way here, and nothing shows it.
LONG_NUMBER = r"[0-9.][-+0-9.eE]{16}|[0-9.][eE]-[0-9]{3}"


class Form:
    """Texts, which fit as they are; the other types are subclasses. All arguments and results are SQL.

    `text` is a text of the source; `local` the time of a text in a time zone, for the forms that have one; `value` what
    `cast` makes of it, maybe wrongly; `written` the value as a text again.
    """

    fits_if_same = False
    """Whether a value always fits that is written again as its text."""

    def __init__(self, is_exact: str = "true") -> None:
        """Make a form.

        Args:
            is_exact: whether a number that is no plain integer stands in the text with all its digits.
        """
        self._is_exact = is_exact

    def local(self, text: str) -> str | None:
        """The local time of a text; None for the forms that need none."""
        return None

    def cast(self, text: str, local: str) -> str:
        """The value of a text; NULL or wrong where it does not fit."""
        return text

    def written(self, value: str) -> str:
        """The value as a text again."""
        return f"to_json({value})::VARCHAR"

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether the value is what a text means; NULL counts as no."""
        # DuckDB writes the escapes of rare control characters in capitals, which RFC 8785 does not.
        return f"NOT contains({written}, '\\u')"

    def json(self, text: str, value: str, written: str) -> str:
        """The RFC 8785 text of a value that fits; NULL of none."""
        return written


class BooleanForm(Form):
    """`true` and `false` in any case."""

    def cast(self, text: str, local: str) -> str:
        """The truth value."""
        return f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"

    def written(self, value: str) -> str:
        """The word."""
        return f"{value}::VARCHAR"

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether it was one of the words."""
        return f"{value} IS NOT NULL"


class IntegerForm(Form):
    """Integers without sign or zeros before them, and those with a fraction of zeros."""

    fits_if_same = True

    def cast(self, text: str, local: str) -> str:
        """The integer, rounded."""
        return f"TRY_CAST({text} AS BIGINT)"

    def written(self, value: str) -> str:
        """The digits."""
        return f"{value}::VARCHAR"

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether the text has a fraction of zeros; one without is written again as it is."""
        return f"regexp_full_match({text}, '-?(0|[1-9][0-9]{{0,14}})\\.0+') AND {self._is_exact}"

    def json(self, text: str, value: str, written: str) -> str:
        """The digits, in quotes beyond 2^53."""
        quoted = f"'\"' || {written} || '\"'"
        return (
            f"CASE WHEN {value} BETWEEN -{MAX_EXACT_INTEGER} AND {MAX_EXACT_INTEGER} THEN {written} ELSE {quoted} END"
        )


class NumberForm(Form):
    """Finite doubles; minus zero is zero."""

    def cast(self, text: str, local: str) -> str:
        """The nearest double."""
        number = f"TRY_CAST({text} AS DOUBLE)"
        return f"CASE WHEN {number} = 0 THEN 0 ELSE {number} END"

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether the text is a number."""
        is_number = f"regexp_full_match({text}, '{NUMBER_PATTERN}') AND isfinite({value})"
        return f"CASE WHEN {_is_plain_integer(text)} THEN true ELSE {is_number} END"

    def json(self, text: str, value: str, written: str) -> str:
        """ECMAScript's text: DuckDB's JSON has the same digits, but writes `1.0` and `1e21`."""
        return (
            f"CASE WHEN {_is_plain_integer(text)} THEN {text} WHEN ends_with({written}, '.0') THEN left({written}, -2) "
            f"WHEN contains({written}, 'e') AND NOT contains({written}, 'e-') THEN replace({written}, 'e', 'e+') "
            f"ELSE {written} END"
        )


class DecimalForm(Form):
    """Decimals without exponent or plus, which have no more digits after the point than the scale, but for zeros."""

    def __init__(self, scale: int, is_exact: str = "true") -> None:
        """Make the form of a scale."""
        super().__init__(is_exact)
        self._scale = scale

    def cast(self, text: str, local: str) -> str:
        """The decimal, rounded."""
        return f"TRY_CAST({text} AS DECIMAL({DECIMAL_DIGITS}, {self._scale}))"

    def written(self, value: str) -> str:
        """All digits of the scale."""
        return f"{value}::VARCHAR"

    def fits(self, text: str, value: str, written: str) -> str:
        """Whether nothing was rounded."""
        whole = f"[0-9]{{1,{DECIMAL_DIGITS - self._scale}}}" if self._scale < DECIMAL_DIGITS else "0"
        fraction = f"[0-9]{{1,{self._scale}}}0{{0,20}}" if self._scale else "0{1,20}"
        return f"regexp_full_match({text}, '-?{whole}(\\.{fraction})?') AND (NOT contains({text}, '.') OR {self._is_exact})"

    def json(self, text: str, value: str, written: str) -> str:
        """All digits of the scale, in quotes."""
        if self._scale < DECIMAL_DIGITS:
            return f"('\"' || {written} || '\"')"
        return f"regexp_replace({written}, '(-?)(.*)', '\"\\10\\2\"')"  # DuckDB writes `.50` where no digit can stand before


def _is_plain_integer(text: str) -> str:
    return f"strlen({text}) <= 15 AND TRY_CAST({text} AS BIGINT)::VARCHAR = {text}"
