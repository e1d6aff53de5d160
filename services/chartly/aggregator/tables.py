"""The aggregator's tables. All but `followed` is a projection that can be dropped and made again from the two logs."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, String, Table

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("tenant", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("profile_id", String, nullable=False),
    Column("state", Integer, nullable=False),
    Column("drone_id", String, nullable=False, comment="drone or client that brought its records; empty without one"),
    Column(
        "create_micros",
        BigInteger,
        nullable=False,
        comment="when the run was queued or received, microseconds since 1970",
    ),
    Column("sequence", BigInteger, comment="place of its commit in storage's log; null without one"),
    Column("work", LargeBinary, comment="its work item, a chartly.api.coordinator.v1.Work"),
    Column("commit", LargeBinary, comment="its commit, a chartly.api.storage.v1.Commit"),
    PrimaryKeyConstraint("tenant", "run_id"),
    Index("runs_by_time", "tenant", "create_micros", "run_id"),
    Index("runs_by_profile", "tenant", "profile_id", "create_micros", "run_id"),
    Index("runs_by_sequence", "tenant", "sequence"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("tenant", String, nullable=False),
    Column("sequence", BigInteger, nullable=False, comment="place of its commit in storage's log"),
    Column("number", Integer, nullable=False, comment="place of the record in its run's quarantine, from 1"),
    Column("run_id", String, nullable=False),
    Column("profile_id", String, nullable=False),
    Column("profile_digest", String, nullable=False, comment="digest of the revision that refused it"),
    Column("replay_run_id", String, comment="run that mapped it again; null while it is open"),
    Column("record", LargeBinary, nullable=False, comment="a chartly.api.aggregator.v1.QuarantinedRecord"),
    PrimaryKeyConstraint("tenant", "sequence", "number"),
    Index("quarantine_by_run", "tenant", "run_id", "number"),
    Index("quarantine_by_profile", "tenant", "profile_id", "sequence", "number"),
)

followed = Table(
    "followed",
    metadata,
    Column("tenant", String, nullable=False),
    Column("log", String, nullable=False, comment="`commits` or `work`"),
    Column("sequence", BigInteger, nullable=False, comment="the last change that the projection holds"),
    PrimaryKeyConstraint("tenant", "log"),
)
