"""Brings a service's tables up to date at its start, by Alembic; the environment is here, a service has only the revisions."""

from __future__ import annotations

import threading
from pathlib import Path

from chartly.runtime.errors import CannotStart
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool

ENVIRONMENT = Path(__file__).parent / "alembic_env"
# Alembic keeps the migration that is under way in module state, and one process may start several services.
_one_at_a_time = threading.Lock()


class NewerDatabase(CannotStart):
    """A database was made by a newer version, whose tables this one does not know; the service refuses to start."""


def upgrade(location: str, migrations: Path) -> None:
    """Run the migrations that a database lacks, all or none. Blocks.

    Args:
        location: path of the database file, or `file:` URI of one in memory.
        migrations: folder of revisions, in files `NNNN_topic.py` whose revision is `NNNN`.

    Raises:
        NewerDatabase: the database is beyond the newest revision.
    """
    head = max(path.stem.partition("_")[0] for path in migrations.glob("[0-9]*.py"))
    engine = create_engine(f"sqlite:///{location}", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with _one_at_a_time, engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=30000")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        revision = _revision(connection)
        if revision > head:
            raise NewerDatabase(
                f"{location} is at revision {revision}, and this version knows {head} at most; use a newer Chartly"
            )
        if revision < head:
            _run(connection, migrations)
        connection.exec_driver_sql("COMMIT")


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _run(connection: Connection, migrations: Path) -> None:
    # Imported where there is work to do, because it takes a quarter of a second.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ENVIRONMENT).replace("%", "%%"))
    config.set_main_option("version_locations", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
