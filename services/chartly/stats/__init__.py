"""Statistics whose every bit depends on the values alone.

Sums are exact and rounded once, so neither the order of the rows nor the number of threads or files changes a result,
and a sum equals `math.fsum` of its values. `folds` holds the arithmetic, `sums` runs it as SQL on DuckDB, `summary`
(count, sum, mean, variance, minimum, maximum, each per group) and `correlation` (Pearson's r) build on it. Rows come
from whatever DuckDB reads: Arrow, Parquet or a query.
"""
