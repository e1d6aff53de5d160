"""The reporter's tables."""

from __future__ import annotations

from chartly.runtime.columns import Instant
from sqlalchemy import (
    JSON,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

reports = Table(
    "reports",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("report_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("create_time", Instant, nullable=False, comment="when the report was first created"),
    PrimaryKeyConstraint("tenant", "report_id"),
    UniqueConstraint("tenant", "name"),
)

results = Table(
    "results",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("report_id", Text, nullable=False),
    Column("number", Integer, nullable=False, comment="place among the report's results, from 1"),
    Column("request_id", Text, comment="of the call that asked for it; null if it had none"),
    Column("state", Text, nullable=False, comment="RUNNING, SUCCEEDED or FAILED"),
    Column("definition", LargeBinary, nullable=False, comment="a ReportDefinition"),
    Column("start_time", Instant, nullable=False),
    Column("event", LargeBinary, comment="the call's ledger entry, until it is in the outbox"),
    Column("end_time", Instant, comment="when it succeeded or failed"),
    Column("document", LargeBinary, comment="the result as RFC 8785 JSON"),
    Column("digest", Text, comment="sha256:… of the document"),
    Column("versions", JSON, comment="version of each dataset that was read, by dataset"),
    Column("message", Text, nullable=False, comment="why it failed, in words"),
    Column("reason", Text, nullable=False, comment="name of the ErrorReason of the failure"),
    PrimaryKeyConstraint("tenant", "report_id", "number"),
    ForeignKeyConstraint(["tenant", "report_id"], ["reports.tenant", "reports.report_id"]),
    UniqueConstraint("tenant", "request_id"),
    Index("results_by_state", "state"),
)
