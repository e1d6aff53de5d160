"""Drones, work, and the last tick of each schedule."""

import sqlalchemy as sa
from alembic import op
from chartly.runtime import create_outbox

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    create_outbox(op)
    op.create_table(
        "drones",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("drone_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("instance_id", sa.Text, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("heartbeat_time", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "work",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("work_id", sa.Text, primary_key=True),
        sa.Column("work_key", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("profile_id", sa.Text, nullable=False),
        sa.Column("profile_version", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("trigger_id", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("drone_id", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("start_time", sa.BigInteger),
        sa.Column("end_time", sa.BigInteger),
        sa.Column("available_time", sa.BigInteger, nullable=False),
        sa.Column("lease_expire_time", sa.BigInteger),
        sa.Column("progress", sa.LargeBinary, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("log_digest", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant", "work_key"),
    )
    op.create_index("work_by_sequence", "work", ["tenant", "sequence"], unique=True)
    op.create_index("work_by_state", "work", ["tenant", "state", "create_time"])
    op.create_index("work_by_time", "work", ["tenant", "create_time", "work_id"])
    op.create_index("work_by_profile", "work", ["tenant", "profile_id", "create_time"])
    op.create_index("work_by_drone", "work", ["tenant", "drone_id", "create_time"])
    op.create_index("work_by_lease", "work", ["tenant", "lease_expire_time"])
    op.create_table(
        "ticks",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("profile_id", sa.Text, primary_key=True),
        sa.Column("last_tick", sa.BigInteger, nullable=False),
    )
