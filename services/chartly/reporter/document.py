"""The document of a result: what was asked, what was read and what came out, as RFC 8785 JSON.

It has the fields of a `Report` that its inputs decide: definition, sources, and table or correlations. Versions of datasets
are left out, for a run that changes no row makes a new version with the same digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from chartly.api.analytics.v1 import analytics_pb2
from chartly.api.reporter.v1 import reporter_pb2 as pb
from chartly.engine import canonical_json
from google.protobuf import json_format
from google.protobuf.message import Message

Answer = analytics_pb2.AggregateResponse | analytics_pb2.CorrelateResponse

_MAX_EXACT_INTEGER = 2**53 - 1


def document_of(definition: pb.ReportDefinition, answer: Answer) -> bytes:
    """Return the document of a result."""
    sources = [_plain(source) for source in answer.sources]
    for source in sources:
        del source["dataset_version"]
    document = {"definition": _plain(definition), "sources": sources}
    if isinstance(answer, analytics_pb2.AggregateResponse):
        document["table"] = _plain(answer.table, whole=True)
    else:
        document["correlations"] = _plain(pb.Correlations(pairs=answer.correlations), whole=True)
    return canonical_json(document)


def digest_of(document: bytes) -> str:
    """Return the digest of a document, `sha256:…`."""
    return f"sha256:{hashlib.sha256(document).hexdigest()}"


def versions_of(answer: Answer) -> dict[str, int]:
    """Return the version of each dataset that was read."""
    return {source.dataset_id: source.dataset_version for source in answer.sources}


def report_of(document: bytes, versions: Mapping[str, int]) -> pb.Report:
    """Return a report with what a document says, and the versions that were read."""
    report = json_format.ParseDict(json.loads(document), pb.Report())
    for source in report.sources:
        source.dataset_version = versions[source.dataset_id]
    return report


def _plain(message: Message, *, whole: bool = False) -> Any:
    fields = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=whole
    )
    return _as_doubles(fields)


def _as_doubles(value: Any) -> Any:
    """Return JSON values with integers beyond 2^53 as the doubles that they are: protojson has 64-bit integers as text."""
    if isinstance(value, dict):
        return {key: _as_doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_doubles(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) > _MAX_EXACT_INTEGER else value
