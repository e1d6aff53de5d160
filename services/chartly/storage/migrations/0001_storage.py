"""The first tables."""

import sqlalchemy as sa
from alembic import op
from chartly.runtime.outbox import create_outbox

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of `store.py`."""
    create_outbox(op)
    _table("fences", _key("work_key"), _number("token"))
    _table("stages", _key("stage_id"), _text("dataset_id"), _text("work_key"), _number("token"), _number("expire_time"))
    op.create_index("stages_of_work", "stages", ["tenant", "work_key"])
    _table(
        "datasets",
        _key("dataset_id"),
        _number("delta_version"),
        _number("first_version"),
        _number("size_bytes"),
        _text("delta_schema"),
        _text("primary_key"),
    )
    _table(
        "commits",
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        _text("dataset_id"),
        _number("version"),
        _text("work_key"),
        _number("token"),
        _number("commit_time"),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant", "dataset_id", "version"),
        sa.UniqueConstraint("tenant", "work_key"),
    )
    _table("superseded_files", _key("dataset_id"), _key("name"), _number("version"))
    _table("digests", _key("dataset_id"), sa.Column("version", sa.BigInteger, primary_key=True), _text("digest"))
    _table("snapshots", _key("snapshot_id"), _text("dataset_id"), _number("version"), _number("expire_time"))
    _table("artifacts", _key("digest"), _number("size_bytes"), _text("media_type"))


def _table(name: str, *rest: sa.schema.SchemaItem) -> None:
    op.create_table(name, sa.Column("tenant", sa.Text, primary_key=True), *rest)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)
