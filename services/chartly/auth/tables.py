"""Auth's table."""

from chartly.runtime.columns import Instant
from sqlalchemy import JSON, Boolean, Column, Index, MetaData, PrimaryKeyConstraint, Table, Text, UniqueConstraint

metadata = MetaData()

keys = Table(
    "keys",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("digest", Text, nullable=False, unique=True, comment="sha256 of the secret, in hexadecimal digits"),
    Column("create_time", Instant, nullable=False),
    Column("expire_time", Instant),
    Column("revoke_time", Instant),
    Column("request_id", Text, comment="of the call that created it; null if there was none"),
    Column("bootstrap", Boolean, nullable=False, comment="whether its secret lies in a file of the data folder"),
    PrimaryKeyConstraint("tenant", "key_id"),
    UniqueConstraint("tenant", "request_id"),
    Index("keys_by_time", "tenant", "create_time", "key_id"),
)
