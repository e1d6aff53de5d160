"""The tables that a store speaks of are those that its migrations make."""

from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from chartly.runtime.migrations import upgrade
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

SERVICES = Path(__file__).parents[2] / "services" / "chartly"
OWNERS = sorted(path.parent.name for path in SERVICES.glob("*/tables.py") if (path.parent / "migrations").is_dir())
RUNTIME_TABLES = {"outbox", "alembic_version"}


@pytest.mark.parametrize("service", OWNERS)
def test_migrations_make_the_tables_of_the_store(service: str, tmp_path: Path) -> None:
    location = tmp_path / "database.sqlite"
    upgrade(str(location), SERVICES / service / "migrations")
    tables = import_module(f"chartly.{service}.tables").metadata
    with create_engine(f"sqlite:///{location}", poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name not in RUNTIME_TABLES,
            },
        )
        assert compare_metadata(context, tables) == []
