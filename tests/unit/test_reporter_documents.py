"""Documents of results, and results as files."""

import hashlib
import io
import json

import pyarrow.parquet as pq
import pytest
import rfc8785
from chartly.api.analytics.v1 import analytics_pb2
from chartly.api.reporter.v1 import reporter_pb2 as pb
from chartly.reporter.document import digest_of, document_of, report_of, versions_of
from chartly.reporter.errors import UnknownFormat
from chartly.reporter.export import export
from google.protobuf import json_format
from google.protobuf.struct_pb2 import NULL_VALUE, Value

DELAY = analytics_pb2.Input(profile_id="nyc-flights", measure="dep_delay", statistic="mean")
RAIN = analytics_pb2.Input(profile_id="nyc-weather", measure="precip")
BANDS = analytics_pb2.Bands(
    measure="precip", upper_bounds=[analytics_pb2.Band(label="dry, calm", at_most=0), analytics_pb2.Band(label="wet")]
)
FIGURES = [-0.0, 5e-324, 0.1, 11.431582554598268, 1e21, 1e300, 2.0**53 + 2, 1.7976931348623157e308, -123456789.0]


def a_definition(**output: object) -> pb.ReportDefinition:
    definition = pb.ReportDefinition(name="delay-by-rain", inputs=[DELAY, RAIN], join=["origin", "observed_at"])
    json_format.ParseDict(output or {"type": "table", "statistic": "mean"}, definition.output)
    definition.window.start_time.FromJsonString("2013-01-01T05:00:00Z")
    if definition.output.type == "table":
        definition.output.bands.CopyFrom(BANDS)
    return definition


def sources(version: int = 1) -> list[analytics_pb2.Source]:
    return [analytics_pb2.Source(dataset_id="nyc-flights", dataset_version=version, dataset_digest="sha256:1")]


def a_row(band: str, count: int, *figures: float | None) -> analytics_pb2.Row:
    values = [Value(null_value=NULL_VALUE) if f is None else Value(number_value=f) for f in figures]
    return analytics_pb2.Row(band=band, count=count, values=values)


def a_table(*figures: float, version: int = 1) -> analytics_pb2.AggregateResponse:
    rows = [a_row("dry, calm", len(figures), *figures), a_row("wet", 0, *(None for _ in figures))]
    names = [f"m{place}" for place in range(len(figures))]
    table = analytics_pb2.Table(columns=["band", "count", *names], rows=rows)
    return analytics_pb2.AggregateResponse(table=table, sources=sources(version))


def correlations(coefficient: float) -> analytics_pb2.CorrelateResponse:
    pair = analytics_pb2.Correlation(left=DELAY, right=RAIN, coefficient=coefficient, n=19326)
    return analytics_pb2.CorrelateResponse(correlations=[pair], sources=sources())


def test_a_document_is_canonical_and_says_what_was_asked_read_and_found() -> None:
    document = document_of(a_definition(), a_table(*FIGURES))
    values = json.loads(document, parse_int=float)
    assert document == rfc8785.dumps(values)
    assert values["definition"]["window"] == {"start_time": "2013-01-01T05:00:00Z"}
    assert values["sources"] == [{"dataset_id": "nyc-flights", "dataset_digest": "sha256:1"}]
    assert values["table"]["rows"][0]["values"] == [0.0, *FIGURES[1:]]
    assert values["table"]["rows"][1] == {"band": "wet", "count": "0", "values": [None] * len(FIGURES)}


def test_a_digest_is_of_the_document_and_does_not_know_versions() -> None:
    first, later = (document_of(a_definition(), a_table(11.5, version=version)) for version in (1, 2))
    assert first == later
    assert digest_of(first) == "sha256:" + hashlib.sha256(first).hexdigest()
    assert digest_of(first) != digest_of(document_of(a_definition(), a_table(11.6)))


def test_a_document_becomes_the_report_again() -> None:
    answer = a_table(*FIGURES, version=3)
    report = report_of(document_of(a_definition(), answer), versions_of(answer))
    assert report.definition == a_definition()
    assert list(report.sources) == sources(3)
    first, second = report.table.rows
    assert [value.number_value for value in first.values] == FIGURES
    assert second == answer.table.rows[1]


@pytest.mark.parametrize("coefficient", [0.0, -1.0, 0.16883482473224792])
def test_a_correlation_is_written_in_full(coefficient: float) -> None:
    document = document_of(a_definition(type="correlation"), correlations(coefficient))
    [pair] = json.loads(document)["correlations"]["pairs"]
    assert (pair["coefficient"], pair["n"], pair["left"]["measure"]) == (coefficient, "19326", "dep_delay")
    assert report_of(document, {"nyc-flights": 1}).correlations.pairs[0].coefficient == coefficient


def test_a_table_as_csv_and_parquet() -> None:
    answer = a_table(11.431582554598268, 1e300)
    document = document_of(a_definition(), answer)
    report = report_of(document, versions_of(answer))
    assert export(report, document, "").content.decode() == (
        'band,count,m0,m1\n"dry, calm",2,11.431582554598268,1e+300\nwet,0,,\n'
    )
    table = pq.read_table(io.BytesIO(export(report, document, "parquet").content))
    assert table.to_pydict() == {
        "band": ["dry, calm", "wet"],
        "count": [2, 0],
        "m0": [11.431582554598268, None],
        "m1": [1e300, None],
    }


def test_a_table_without_bands_begins_with_its_count() -> None:
    table = analytics_pb2.Table(columns=["count", "dep_delay"], rows=[a_row("", 3, 1.5)])
    report = pb.Report(definition=a_definition(), table=table)
    report.definition.output.ClearField("bands")
    assert export(report, b"{}", "csv").content == b"count,dep_delay\n3,1.5\n"


def test_correlations_as_csv() -> None:
    document = document_of(a_definition(type="correlation"), correlations(0.5))
    file = export(report_of(document, {"nyc-flights": 1}), document, "csv")
    assert file.media_type == "text/csv; charset=utf-8"
    assert file.content == (b"left,right,coefficient,n\nnyc-flights.dep_delay.mean,nyc-weather.precip,0.5,19326\n")


def test_json_is_the_document_itself() -> None:
    document = document_of(a_definition(), a_table(1.0))
    assert export(pb.Report(), document, "json").content is document


def test_an_unknown_format_is_refused_beside_those_known() -> None:
    with pytest.raises(UnknownFormat, match="cannot be had as xlsx; formats: csv, json, parquet"):
        export(pb.Report(), b"{}", "xlsx")
