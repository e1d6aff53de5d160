"""Keys."""

import sqlalchemy as sa
from alembic import op
from chartly.runtime.outbox import create_outbox

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    create_outbox(op)
    op.create_table(
        "keys",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger),
        sa.Column("revoke_time", sa.BigInteger),
        sa.Column("request_id", sa.Text),
        sa.Column("bootstrap", sa.Boolean, nullable=False),
        sa.UniqueConstraint("tenant", "request_id"),
    )
    op.create_index("keys_by_time", "keys", ["tenant", "create_time", "key_id"])
