"""Profiles, their revisions, and the requests that made them."""

import sqlalchemy as sa
from alembic import op
from chartly.runtime.outbox import create_outbox

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    create_outbox(op)
    op.create_table(
        "profiles",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("profile_id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_index("profiles_by_sequence", "profiles", ["tenant", "sequence"], unique=True)
    op.create_table(
        "revisions",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("profile_id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("major", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("profile", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant", "profile_id", "version"),
    )
    op.create_table(
        "requests",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("profile_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
