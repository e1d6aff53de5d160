"""Reports and their results."""

import sqlalchemy as sa
from alembic import op
from chartly.runtime.outbox import create_outbox

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    create_outbox(op)
    op.create_table(
        "reports",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant", "name"),
    )
    op.create_table(
        "results",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("request_id", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sa.Column("start_time", sa.BigInteger, nullable=False),
        sa.Column("event", sa.LargeBinary),
        sa.Column("end_time", sa.BigInteger),
        sa.Column("document", sa.LargeBinary),
        sa.Column("digest", sa.Text),
        sa.Column("versions", sa.JSON),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["tenant", "report_id"], ["reports.tenant", "reports.report_id"]),
        sa.UniqueConstraint("tenant", "request_id"),
    )
    op.create_index("results_by_state", "results", ["state"])
