"""Entries and the tree over them; neither can be updated or deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables and the triggers that keep them append-only."""
    op.create_table(
        "entries",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("entry_index", sa.BigInteger, primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("time_nanos", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant", "event_id"),
    )
    for column in ("actor", "action", "resource"):
        op.create_index(f"entries_by_{column}", "entries", ["tenant", column, "entry_index"])
    op.create_table(
        "tree",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("entry_index", sa.BigInteger, primary_key=True),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("peaks", sa.LargeBinary, nullable=False),
    )
    for table in ("entries", "tree"):
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )
