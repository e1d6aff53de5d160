"""The registry's tables."""

from chartly.runtime.columns import Instant
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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

profiles = Table(
    "profiles",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="number of the latest revision"),
    Column("deleted", Boolean, nullable=False),
    Column("sequence", BigInteger, nullable=False, comment="place of the profile's last change among all changes"),
    PrimaryKeyConstraint("tenant", "profile_id"),
    Index("profiles_by_sequence", "tenant", "sequence", unique=True),
)

revisions = Table(
    "revisions",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="number, from 1"),
    Column("version", Text, nullable=False),
    Column("major", BigInteger, nullable=False, comment="first number of the version"),
    Column("digest", Text, nullable=False),
    Column("create_time", Instant, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("profile", LargeBinary, nullable=False, comment="a chartly.api.profile.v1.Profile with its version"),
    PrimaryKeyConstraint("tenant", "profile_id", "revision"),
    UniqueConstraint("tenant", "profile_id", "version"),
)

requests = Table(
    "requests",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="of the request, so that another with its id is refused"),
    Column("profile_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="number of the revision that it was answered with"),
    PrimaryKeyConstraint("tenant", "request_id"),
)
