"""A profile, compiled: its columns with all defaults filled in, ready for mapping and for its output contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from chartly.api.profile.v1 import profile_pb2
from chartly.engine.digest import message_digest
from chartly.engine.values import text_of

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["dim", "measure", "system"]
Severity = Literal["quarantine", "warn", "fail"]
WriteDisposition = Literal["append", "merge"]

OBSERVED_AT = "observed_at"


@dataclass(frozen=True, slots=True)
class Column:
    """One column that the source fills; texts are as the source writes them, constants are of the column's type."""

    name: str
    kind: Kind
    type: str
    source: str
    unit: str = ""
    description: str = ""
    required: bool = False
    severity: Severity = "quarantine"
    scale: int = 0
    format: str = ""
    time_zone: str = ""
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    default: str | None = None
    enum: tuple[str, ...] = ()
    null_values: tuple[str, ...] = ()
    replace: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a profile asks for. Columns are dims by name, then measures by name; the dataset is flat.

    `digest` is the profile's. `records_path` is where the records stand in a JSON page; empty for the whole page.
    """

    profile_id: str
    version: str
    digest: str
    columns: tuple[Column, ...]
    observed_at: Column | None
    primary_key: tuple[str, ...]
    write_disposition: WriteDisposition
    records_path: str
    csv_delimiter: str
    csv_null_values: tuple[str, ...]

    @property
    def dims(self) -> tuple[Column, ...]:
        """The columns of kind dim, by name."""
        return tuple(column for column in self.columns if column.kind == "dim")

    @property
    def measures(self) -> tuple[Column, ...]:
        """The columns of kind measure, by name."""
        return tuple(column for column in self.columns if column.kind == "measure")

    @property
    def inputs(self) -> tuple[Column, ...]:
        """All columns that the source fills: observed_at, where declared, then dims and measures."""
        return ((self.observed_at,) if self.observed_at else ()) + self.columns

    @cached_property
    def schema(self) -> pa.Schema:
        """The dataset's Arrow schema: record_id, run_id, observed_at, dims, measures."""
        from chartly.engine.contract import arrow_schema

        return arrow_schema(self)

    @cached_property
    def json_schema(self) -> Mapping[str, object]:
        """The JSON Schema (2020-12) of one record, which nests dims and measures."""
        from chartly.engine.contract import json_schema

        return json_schema(self)


def compile_profile(profile: profile_pb2.Profile) -> Plan:
    """Return the plan of a profile that `parse_profile` or `check_profile` has accepted."""
    csv = profile.source.file.csv
    return Plan(
        profile_id=profile.profile_id,
        version=profile.version,
        digest=message_digest(profile),
        columns=(*_columns(profile.dims, "dim"), *_columns(profile.measures, "measure")),
        observed_at=_observed_at(profile),
        primary_key=tuple(profile.primary_key),
        write_disposition=write_disposition(profile),
        records_path=profile.source.records.path,
        csv_delimiter=csv.delimiter or ",",
        csv_null_values=tuple(csv.null_values) or ("",),
    )


def write_disposition(profile: profile_pb2.Profile) -> WriteDisposition:
    """Return how records enter the dataset: what the profile says, else merge exactly if it has a primary_key."""
    return "merge" if profile.write_disposition == "merge" or profile.primary_key else "append"


def _observed_at(profile: profile_pb2.Profile) -> Column | None:
    if not profile.HasField("observed_at"):
        return None
    rule = profile.observed_at
    return Column(
        OBSERVED_AT,
        "system",
        "timestamp",
        rule.source or OBSERVED_AT,
        description=_OBSERVED_AT_MEANING,
        required=True,
        format=rule.format,
        time_zone=rule.time_zone,
    )


_OBSERVED_AT_MEANING = "Instant that the record speaks of."


def _columns(fields: Mapping[str, profile_pb2.Field], kind: Kind) -> list[Column]:
    return [_column(name, kind, fields[name]) for name in sorted(fields)]


def _column(name: str, kind: Kind, rule: profile_pb2.Field) -> Column:
    return Column(
        name,
        kind,
        rule.type,
        rule.source or name,
        unit=rule.unit,
        description=rule.description,
        required=rule.required,
        severity=_SEVERITIES[rule.severity],
        scale=rule.scale,
        format=rule.format,
        time_zone=rule.time_zone,
        pattern=rule.pattern,
        minimum=rule.minimum if rule.HasField("minimum") else None,
        maximum=rule.maximum if rule.HasField("maximum") else None,
        default=text_of(rule.default) if rule.HasField("default") else None,
        enum=tuple(text for value in rule.enum if (text := text_of(value)) is not None),
        null_values=tuple(text for value in rule.null_values if (text := text_of(value)) is not None),
        replace=tuple((key, text_of(rule.replace[key])) for key in sorted(rule.replace)),
    )


_SEVERITIES: dict[str, Severity] = {
    "": "quarantine",
    "quarantine": "quarantine",
    "warn": "warn",
    "fail": "fail",
}
