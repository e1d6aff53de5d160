"""Messages to questions, and figures to messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chartly.analytics.datasets import Dataset
from chartly.analytics.figures import Row, Table
from chartly.analytics.question import Band, Bands, Input, Query, Window
from chartly.api.analytics.v1 import analytics_pb2 as pb
from chartly.stats.correlation import Correlation
from chartly.stats.summary import STATISTICS, Statistic
from google.protobuf.struct_pb2 import NULL_VALUE, Value
from google.protobuf.timestamp_pb2 import Timestamp


def query_from_proto(message: pb.Query) -> Query:
    """Return the query that a message asks."""
    inputs = tuple(
        Input(asked.profile_id, asked.measure, statistic_from_proto(asked.statistic) if asked.statistic else None)
        for asked in message.inputs
    )
    return Query(inputs, tuple(message.join), _window(message.window))


def statistic_from_proto(word: str) -> Statistic:
    """Return the statistic that a message names."""
    return next(statistic for statistic in STATISTICS if statistic == word)


def bands_from_proto(message: pb.Bands) -> Bands:
    """Return the split that a message asks."""
    return Bands(message.measure, tuple(_band(band) for band in message.upper_bounds))


def table_to_proto(table: Table) -> pb.Table:
    """Return a table as a message."""
    return pb.Table(columns=table.columns, rows=[_row(row) for row in table.rows])


def correlation_to_proto(query: pb.Query, left: int, right: int, found: Correlation) -> pb.Correlation:
    """Return the correlation of the inputs at two places as a message."""
    inputs = query.inputs
    return pb.Correlation(left=inputs[left], right=inputs[right], coefficient=found.coefficient, n=found.count)


def sources_to_proto(datasets: Mapping[str, Dataset]) -> Iterable[pb.Source]:
    """Yield what was read of each dataset, in the order of the inputs."""
    for profile_id, dataset in datasets.items():
        snapshot = dataset.snapshot
        yield pb.Source(
            dataset_id=profile_id,
            dataset_version=snapshot.version,
            dataset_digest=snapshot.digest,
            profile_version=snapshot.revision.version,
            profile_digest=snapshot.revision.digest,
        )


def _window(message: pb.Window) -> Window:
    return Window(
        _microseconds(message.start_time) if message.HasField("start_time") else None,
        _microseconds(message.end_time) if message.HasField("end_time") else None,
    )


def _microseconds(instant: Timestamp) -> int:
    """Return the first microsecond that is not before an instant, since observed_at is kept in microseconds."""
    return -(-instant.ToNanoseconds() // 1000)


def _band(message: pb.Band) -> Band:
    return Band(
        message.label,
        message.at_most if message.HasField("at_most") else None,
        message.below if message.HasField("below") else None,
    )


def _row(row: Row) -> pb.Row:
    return pb.Row(band=row.band, count=row.count, values=[_value(figure) for figure in row.figures])


def _value(figure: float | None) -> Value:
    return Value(null_value=NULL_VALUE) if figure is None else Value(number_value=figure)
