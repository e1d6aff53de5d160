"""Contracts, their revisions and documents, who uses them, and the words to find them by."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables, and give profiles the contract that they meet."""
    op.add_column("revisions", sa.Column("contract_id", sa.Text))
    op.add_column("revisions", sa.Column("contract_digest", sa.Text))
    op.create_index("revisions_by_contract", "revisions", ["tenant", "contract_id"])
    _create_contracts()
    _create_what_leads_to_them()


def _create_contracts() -> None:
    op.create_table(
        "contracts",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("contract_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("compatibility", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("deprecation", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "contract_revisions",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("contract_id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("major", sa.BigInteger, nullable=False),
        sa.Column("minor", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("references", sa.JSON, nullable=False),
    )
    by_version = ["tenant", "contract_id", "major", "minor", "revision"]
    op.create_index("contract_revisions_by_version", "contract_revisions", by_version)
    op.create_index("contract_revisions_by_digest", "contract_revisions", ["tenant", "digest", "contract_id"])
    op.create_table(
        "contract_documents",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )


def _create_what_leads_to_them() -> None:
    op.create_table(
        "contract_uses",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("contract_id", sa.Text, primary_key=True),
        sa.Column("used_by", sa.Text, primary_key=True),
    )
    op.create_index("contract_uses_by_user", "contract_uses", ["tenant", "used_by"])
    op.create_table(
        "contract_words",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("word", sa.Text, primary_key=True),
        sa.Column("contract_id", sa.Text, primary_key=True),
    )
    op.create_index("contract_words_by_contract", "contract_words", ["tenant", "contract_id"])
    op.create_table(
        "contract_requests",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("contract_requests_by_contract", "contract_requests", ["tenant", "contract_id"])
