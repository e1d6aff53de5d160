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
    Column("contract_id", Text, comment="contract that its records meet; null where it names none"),
    Column("contract_digest", Text, comment="of the contract's revision"),
    PrimaryKeyConstraint("tenant", "profile_id", "revision"),
    UniqueConstraint("tenant", "profile_id", "version"),
    Index("revisions_by_contract", "tenant", "contract_id"),
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

contracts = Table(
    "contracts",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("contract_id", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="name of a ContractKind, as in PROTO"),
    Column("compatibility", Text, nullable=False, comment="name of a CompatibilityMode, as in FULL"),
    Column("description", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("deprecation", Text, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="number of the latest revision"),
    Column("digest", Text, nullable=False, comment="of the latest revision"),
    Column("create_time", Instant, nullable=False),
    Column("update_time", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "contract_id"),
)

contract_revisions = Table(
    "contract_revisions",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("contract_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="number, from 1"),
    Column("version", Text, nullable=False),
    Column("major", BigInteger, nullable=False, comment="first number of the version"),
    Column("minor", BigInteger, nullable=False, comment="second number of the version"),
    Column("digest", Text, nullable=False, comment="content address of its document"),
    Column("create_time", Instant, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("references", JSON, nullable=False),
    PrimaryKeyConstraint("tenant", "contract_id", "revision"),
    Index("contract_revisions_by_version", "tenant", "contract_id", "major", "minor", "revision"),
    Index("contract_revisions_by_digest", "tenant", "digest", "contract_id"),
)

contract_documents = Table(
    "contract_documents",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="content address; equal documents are kept once"),
    Column(
        "document", LargeBinary, nullable=False, comment="a chartly.api.registry.v1.ContractDocument, references apart"
    ),
    PrimaryKeyConstraint("tenant", "digest"),
)

contract_uses = Table(
    "contract_uses",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("contract_id", Text, nullable=False, comment="contract that is referred to"),
    Column("used_by", Text, nullable=False, comment="contract that refers to it in some revision"),
    PrimaryKeyConstraint("tenant", "contract_id", "used_by"),
    Index("contract_uses_by_user", "tenant", "used_by"),
)

contract_words = Table(
    "contract_words",
    metadata,
    Column("tenant", Text, nullable=False),
    Column(
        "word", Text, nullable=False, comment="in lower case, of its name, description, owner, labels or latest fields"
    ),
    Column("contract_id", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "word", "contract_id"),
    Index("contract_words_by_contract", "tenant", "contract_id"),
)

contract_requests = Table(
    "contract_requests",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="of the request, so that another with its id is refused"),
    Column("contract_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="number of the revision that it was answered with"),
    PrimaryKeyConstraint("tenant", "request_id"),
    Index("contract_requests_by_contract", "tenant", "contract_id"),
)
