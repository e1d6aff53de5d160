"""Requests that succeed on the mesh of schemathesis_run.py, so that the answers of every kind of route are judged.

`PROFILE`, `RECORDS` and `REPORT` are there before the run begins.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

PROFILE: dict[str, Any] = {
    "profile_id": "tides",
    "source": {"file": {"path": "tides.csv"}},
    "observed_at": {"source": "time"},
    "dims": {"gauge": {"type": "string", "required": True}},
    "measures": {"level": {"type": "number", "unit": "m"}},
    "primary_key": ["gauge", "observed_at"],
}
RECORDS = """\
time,gauge,level
2026-05-01T00:00:00Z,dover,1.2
2026-05-01T01:00:00Z,dover,high
2026-05-01T02:00:00Z,dover,2.6
2026-05-01T02:00:00Z,calais,2.1
2026-05-01T02:00:00Z,ostend,1.8
"""
INPUT = {"profile_id": "tides", "measure": "level", "statistic": "mean"}
QUERY = {"inputs": [INPUT, {**INPUT, "statistic": "maximum"}], "join": ["gauge"]}
REPORT = {"name": "tides", "inputs": [INPUT], "join": ["gauge"], "output": {"type": "table", "statistic": "mean"}}
SCHEMA = {"type": "object", "properties": {"gauge": {"type": "string"}, "level": {"type": "number"}}}


class Example(NamedTuple):
    """A request of an operation."""

    operation_id: str
    path: Mapping[str, str] = MappingProxyType({})
    query: Mapping[str, Any] = MappingProxyType({})
    body: Any = None
    media_type: str = "application/json"


TIDES, DATASET, REPORTED = {"profile_id": "tides"}, {"dataset_id": "tides"}, {"report_id": "tides"}
FIRST = {"contract_id": "tides", "version": "1.0.0"}
EXAMPLES = (
    Example("RegistryService_ValidateProfile", body=PROFILE),
    Example("RegistryService_CreateProfile", body=PROFILE | {"profile_id": "tides-too"}, media_type="application/yaml"),
    Example("RegistryService_UpdateProfile", TIDES, body=PROFILE | {"owner": "harbour"}),
    Example("RegistryService_GetOutputContract", TIDES),
    *(Example("RegistryService_GetOutputContract", TIDES, {"format": form}) for form in ("odcs", "avro", "proto")),
    Example("RegistryService_GetRevision", TIDES | {"version": "1.0.0"}),
    Example("RegistryService_CreateContractRevision", {"contract_id": "tides"}, body=SCHEMA),
    Example("RegistryService_ValidateContract", body=SCHEMA),
    Example("RegistryService_CheckCompatibility", {"contract_id": "tides"}, body=SCHEMA | {"required": ["gauge"]}),
    Example("RegistryService_GetContractRevision", FIRST),
    *(Example("RegistryService_ExportContract", FIRST, {"format": form}) for form in ("json_schema", "odcs", "avro")),
    Example("CoordinatorService_PreviewProfile", body=PROFILE),
    Example("CoordinatorService_RunNow", TIDES, body={"request_id": "again"}),
    Example(
        "AggregatorService_SubmitResults",
        body={"profile_id": "tides", "data": [{"time": "2026-05-02T00:00:00Z", "gauge": "dover"}]},
    ),
    Example("AggregatorService_UploadRecords", TIDES, body=RECORDS.encode(), media_type="text/csv"),
    Example("AggregatorService_ListRecords", query=TIDES | {"filter": "level > 1"}),
    Example("AggregatorService_ListQuarantine", query=TIDES),
    Example("AggregatorService_ReplayQuarantine", body=TIDES),
    Example("StorageService_GetDataset", DATASET),
    Example("StorageService_ListDatasetVersions", DATASET),
    *(
        Example("StorageService_ReadDataset", DATASET, {"format": form})
        for form in ("ndjson", "arrow", "csv", "parquet")
    ),
    Example("AnalyticsService_Aggregate", body={"query": QUERY, "output": {"statistic": "mean"}}),
    Example("AnalyticsService_Correlate", body={"query": QUERY, "output": {}}),
    Example("ReporterService_CreateReport", body=REPORT),
    Example("ReporterService_GetReport", REPORTED),
    *(Example("ReporterService_ExportReport", REPORTED, {"format": form}) for form in ("csv", "json", "parquet")),
    Example(
        "AuthService_CreateKey", body={"name": "reader", "roles": ["viewer"], "expire_time": "2999-01-01T00:00:00Z"}
    ),
)
