"""The projection: runs, quarantined records, and how far the two logs are followed."""

from alembic import op
from chartly.runtime import create_outbox
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    create_outbox(op)
    op.create_table(
        "runs",
        Column("tenant", String, primary_key=True),
        Column("run_id", String, primary_key=True),
        Column("profile_id", String, nullable=False),
        Column("state", Integer, nullable=False),
        Column("drone_id", String, nullable=False),
        Column("create_micros", BigInteger, nullable=False),
        Column("sequence", BigInteger),
        Column("work", LargeBinary),
        Column("commit", LargeBinary),
    )
    op.create_index("runs_by_time", "runs", ["tenant", "create_micros", "run_id"])
    op.create_index("runs_by_profile", "runs", ["tenant", "profile_id", "create_micros", "run_id"])
    op.create_index("runs_by_sequence", "runs", ["tenant", "sequence"])
    op.create_table(
        "quarantine",
        Column("tenant", String, primary_key=True),
        Column("sequence", BigInteger, primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("run_id", String, nullable=False),
        Column("profile_id", String, nullable=False),
        Column("profile_digest", String, nullable=False),
        Column("replay_run_id", String),
        Column("record", LargeBinary, nullable=False),
    )
    op.create_index("quarantine_by_run", "quarantine", ["tenant", "run_id", "number"])
    op.create_index("quarantine_by_profile", "quarantine", ["tenant", "profile_id", "sequence", "number"])
    op.create_table(
        "followed",
        Column("tenant", String, primary_key=True),
        Column("log", String, primary_key=True),
        Column("sequence", BigInteger, nullable=False),
    )
