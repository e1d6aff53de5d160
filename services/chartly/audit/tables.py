"""The ledger's tables. Their triggers refuse every UPDATE and DELETE.

What was said is in `entries`, and what proves it in `tree`, so that an altered entry is found beside the hash it had.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False, comment="place in the tenant's log, from 0"),
    Column("event_id", Text, nullable=False),
    Column("time_nanos", BigInteger, nullable=False, comment="when the call came, nanoseconds since 1970"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("leaf", LargeBinary, nullable=False, comment="RFC 8785 JSON of the event"),
    PrimaryKeyConstraint("tenant", "entry_index"),
    UniqueConstraint("tenant", "event_id"),
    Index("entries_by_actor", "tenant", "actor", "entry_index"),
    Index("entries_by_action", "tenant", "action", "entry_index"),
    Index("entries_by_resource", "tenant", "resource", "entry_index"),
)

tree = Table(
    "tree",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False, comment="RFC 6962 hash of the leaf, 32 bytes"),
    Column(
        "peaks", LargeBinary, nullable=False, comment="roots of the complete subtrees up to this leaf, 32 bytes each"
    ),
    PrimaryKeyConstraint("tenant", "entry_index"),
)
