"""Storage's own tables; each row begins with its tenant.

What they say of commits, datasets and superseded files is projected from the Delta logs. Fences, stages, snapshots and the
media types of artifacts are theirs alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from chartly.runtime.columns import Instant

metadata = sa.MetaData()


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant", sa.Text, primary_key=True)


fences = sa.Table(
    "fences", metadata, _tenant(),
    sa.Column("work_key", sa.Text, primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),
)  # fmt: skip
stages = sa.Table(
    "stages", metadata, _tenant(),
    sa.Column("stage_id", sa.Text, primary_key=True),
    sa.Column("dataset_id", sa.Text, nullable=False),
    sa.Column("work_key", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expire_time", Instant, nullable=False),
    sa.Index("stages_of_work", "tenant", "work_key"),
)  # fmt: skip
datasets = sa.Table(
    "datasets", metadata, _tenant(),
    sa.Column("dataset_id", sa.Text, primary_key=True),
    sa.Column("delta_version", sa.BigInteger, nullable=False),
    sa.Column("first_version", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("delta_schema", sa.Text, nullable=False),
    sa.Column("primary_key", sa.Text, nullable=False),
)  # fmt: skip
commits = sa.Table(
    "commits", metadata, _tenant(),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("dataset_id", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("work_key", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("commit_time", Instant, nullable=False),
    sa.Column("message", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("tenant", "dataset_id", "version"),
    sa.UniqueConstraint("tenant", "work_key"),
)  # fmt: skip
superseded = sa.Table(
    "superseded_files", metadata, _tenant(),
    sa.Column("dataset_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)  # fmt: skip
digests = sa.Table(
    "digests", metadata, _tenant(),
    sa.Column("dataset_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
)  # fmt: skip
snapshots = sa.Table(
    "snapshots", metadata, _tenant(),
    sa.Column("snapshot_id", sa.Text, primary_key=True),
    sa.Column("dataset_id", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("expire_time", Instant, nullable=False),
)  # fmt: skip
artifacts = sa.Table(
    "artifacts", metadata, _tenant(),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
)  # fmt: skip
