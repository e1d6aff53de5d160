"""Values and names as SQL text."""


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: float) -> str:
    """Return a double as SQL, bit for bit; a bare 0.1… of 17 digits would be read as a DECIMAL and rounded twice."""
    return f"'{value!r}'::DOUBLE"


def finite_source(source: str, columns: list[str], by: list[str]) -> str:
    """Return a query of a source's keys and its numeric columns as doubles, called `#0`, `#1` and so on.

    They are null where not finite, and have no -0.0; `#nonfinite` says whether a row had a NaN or an infinity. Names of
    fields have no `#`, so none is taken.
    """
    keys = "".join(f"{quoted(key)}, " for key in by)
    doubles = ", ".join(f'CAST({quoted(column)} AS DOUBLE) AS "#raw{i}"' for i, column in enumerate(columns))
    finite = ", ".join(f'CASE WHEN isfinite("#raw{i}") THEN "#raw{i}" + 0.0 END AS "#{i}"' for i in range(len(columns)))
    nonfinite = " OR ".join(f'NOT isfinite("#raw{i}")' for i in range(len(columns)))
    flag = f'coalesce({nonfinite}, false) AS "#nonfinite"'
    return f"(SELECT {keys}{finite}, {flag} FROM (SELECT {keys}{doubles} FROM {source}))"
