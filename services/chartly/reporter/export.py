"""Results as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from chartly.api.analytics.v1 import analytics_pb2
from chartly.api.reporter.v1 import reporter_pb2 as pb
from chartly.reporter.errors import UnknownFormat

Kind = Literal["text", "count", "figure"]


class File(NamedTuple):
    """A file."""

    media_type: str
    content: bytes


class Column(NamedTuple):
    """A column of a result; a figure is a double or None."""

    name: str
    kind: Kind
    values: Sequence[str | int | float | None]


def export(report: pb.Report, document: bytes, wanted: str) -> File:
    """Return a result as a file: `csv` (also for the empty word), `json` or `parquet`.

    The JSON is the result's document, so it has the result's digest.

    Raises:
        UnknownFormat: there is no such format.
    """
    if wanted == "json":
        return File("application/json", document)
    if (write := _WRITERS.get(wanted)) is None:
        raise UnknownFormat(wanted, ("csv", "json", "parquet"))
    return write(list(_columns(report)))


def _columns(report: pb.Report) -> Iterator[Column]:
    if report.HasField("correlations"):
        pairs = report.correlations.pairs
        yield Column("left", "text", [_name(pair.left) for pair in pairs])
        yield Column("right", "text", [_name(pair.right) for pair in pairs])
        yield Column("coefficient", "figure", [pair.coefficient for pair in pairs])
        yield Column("n", "count", [pair.n for pair in pairs])
        return
    rows, names = report.table.rows, iter(report.table.columns)
    if report.definition.output.HasField("bands"):
        yield Column(next(names), "text", [row.band for row in rows])
    yield Column(next(names), "count", [row.count for row in rows])
    for place, name in enumerate(names):
        figures = [row.values[place] for row in rows]
        yield Column(name, "figure", [v.number_value if v.HasField("number_value") else None for v in figures])


def _name(asked: analytics_pb2.Input) -> str:
    return ".".join(word for word in (asked.profile_id, asked.measure, asked.statistic) if word)


def _csv(columns: Sequence[Column]) -> File:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows(zip(*(column.values for column in columns), strict=True))
    return File("text/csv; charset=utf-8", text.getvalue().encode())


def _parquet(columns: Sequence[Column]) -> File:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"text": pa.string(), "count": pa.int64(), "figure": pa.float64()}
    arrays = [pa.array(column.values, types[column.kind]) for column in columns]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, [column.name for column in columns]), buffer)
    return File("application/vnd.apache.parquet", buffer.getvalue())


_WRITERS: Mapping[str, Callable[[Sequence[Column]], File]] = {"": _csv, "csv": _csv, "parquet": _parquet}
