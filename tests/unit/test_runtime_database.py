"""The writer loses nothing, shares its commits, and survives callers who leave."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from chartly.runtime import Database, boundary
from chartly.runtime.errors import DataDirReadOnly
from chartly.runtime.migrations import NewerDatabase
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

FIRST = """
from alembic import op

revision, down_revision = "0001", None

def upgrade():
    op.execute("CREATE TABLE item (tenant TEXT, name TEXT, value INTEGER NOT NULL, PRIMARY KEY (tenant, name))")
    op.execute("INSERT INTO item VALUES ('default', 'counter', 0)")
"""
SECOND = """
from alembic import op

revision, down_revision = "0002", "0001"

def upgrade():
    op.execute("ALTER TABLE item ADD COLUMN unit TEXT")
    op.execute("{then}")
"""
READ = text("SELECT value FROM item WHERE tenant = 'default' AND name = :name")
WRITE = text("UPDATE item SET value = :value WHERE tenant = 'default' AND name = :name")
ADD = text("INSERT INTO item VALUES ('default', :name, 1)")


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations with space"
    folder.mkdir()
    (folder / "0001_items.py").write_text(FIRST)
    return folder


@pytest.fixture(params=["file", "memory"])
async def database(request: pytest.FixtureRequest, tmp_path: Path, migrations: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path}/data/100%.sqlite" if request.param == "file" else "sqlite+aiosqlite://"
    async with Database.open(url, migrations=migrations) as opened:
        yield opened


async def value(database: Database, name: str = "counter") -> int | None:
    async with database.read() as connection:
        found: int | None = (await connection.execute(READ, {"name": name})).scalar()
        return found


async def names(database: Database) -> set[str]:
    async with database.read() as connection:
        return set((await connection.execute(text("SELECT name FROM item"))).scalars())


async def add(database: Database, name: str) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(ADD, {"name": name})


async def count_up(database: Database) -> None:
    async with database.transaction() as transaction:
        found = await transaction.scalar(READ, {"name": "counter"})
        await asyncio.sleep(0)
        await transaction.execute(WRITE, {"name": "counter", "value": found + 1})


async def test_480_concurrent_read_modify_writes_lose_none(database: Database) -> None:
    await asyncio.gather(*(count_up(database) for _ in range(480)))
    assert await value(database) == 480


async def test_two_processes_lose_none(tmp_path: Path, migrations: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/shared.sqlite"
    async with Database.open(url, migrations=migrations) as one, Database.open(url, migrations=migrations) as other:
        await asyncio.gather(*(count_up(database) for _ in range(50) for database in (one, other)))
        assert await value(one) == 100


@asynccontextmanager
async def counted_commits(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    commits: list[str] = []

    def hook(kind: str, name: str, when: str) -> None:
        if (kind, when) == ("database", "after"):
            commits.append(name)

    monkeypatch.setattr(boundary._told, "hook", hook)
    yield commits


async def test_those_who_wait_share_a_commit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with counted_commits(monkeypatch) as commits:
        await asyncio.gather(*(count_up(database) for _ in range(128)))
    assert len(commits) == 2
    assert await value(database) == 128


async def test_a_member_that_fails_takes_back_only_its_own(database: Database) -> None:
    async def fails(name: str) -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, {"name": name})
            raise ZeroDivisionError

    outcomes = await asyncio.gather(
        add(database, "a"), fails("b"), add(database, "c"), fails("d"), add(database, "e"), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        ZeroDivisionError,
        type(None),
        ZeroDivisionError,
        type(None),
    ]
    assert await names(database) == {"counter", "a", "c", "e"}


async def test_a_statement_that_fails_leaves_the_transaction_usable(database: Database) -> None:
    async with database.transaction() as transaction:
        with pytest.raises(IntegrityError):
            await transaction.execute(ADD, {"name": "counter"})
        await transaction.execute(ADD, {"name": "a"})
    assert await names(database) == {"counter", "a"}


async def test_nobody_goes_on_before_the_commit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    gone_on: list[str] = []
    seen_at_commit: list[list[str]] = []

    async def adds(name: str) -> None:
        await add(database, name)
        gone_on.append(name)

    def hook(kind: str, name: str, when: str) -> None:
        seen_at_commit.append(list(gone_on))

    monkeypatch.setattr(boundary._told, "hook", hook)
    await asyncio.gather(adds("a"), adds("b"))
    assert seen_at_commit == [[], []]
    assert sorted(gone_on) == ["a", "b"]


async def test_a_commit_that_fails_fails_all_of_its_group(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(kind: str, name: str, when: str) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(boundary._told, "hook", hook)
    outcomes = await asyncio.gather(add(database, "a"), add(database, "b"), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no space left", "no space left"]
    monkeypatch.undo()
    await add(database, "c")
    assert await names(database) == {"counter", "c"}


async def test_callers_who_leave_at_any_moment_do_no_harm(database: Database) -> None:
    """Cancels the caller after 0, 1, 2, … steps of the loop; others before and after it are not touched."""
    for steps in range(40):
        before = asyncio.create_task(add(database, f"before-{steps}"))
        leaver = asyncio.create_task(add(database, f"leaver-{steps}"))
        after = asyncio.create_task(add(database, f"after-{steps}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        left = not leaver.done()
        leaver.cancel()
        await asyncio.gather(before, after)
        outcome = (await asyncio.gather(leaver, return_exceptions=True))[0]
        there = await names(database)
        assert {f"before-{steps}", f"after-{steps}"} <= there
        assert outcome is None or (left and isinstance(outcome, asyncio.CancelledError))
        assert outcome is not None or f"leaver-{steps}" in there


async def test_a_caller_who_leaves_during_the_commit_goes_on_when_it_is_done(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def hook(kind: str, name: str, when: str) -> None:
        if when == "before":
            leaver.cancel()
        else:
            done.append(name)

    monkeypatch.setattr(boundary._told, "hook", hook)
    leaver = asyncio.create_task(add(database, "leaver"))
    with pytest.raises(asyncio.CancelledError):
        await leaver
    assert len(done) == 1
    assert await names(database) == {"counter", "leaver"}


async def test_a_caller_who_leaves_during_a_statement_is_rolled_back(database: Database) -> None:
    slow = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n")
    begun = asyncio.Event()

    async def leaves() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, {"name": "leaver"})
            begun.set()
            await transaction.execute(slow)

    leaver = asyncio.create_task(leaves())
    await begun.wait()
    await asyncio.sleep(0.001)
    leaver.cancel()
    await add(database, "next")
    assert await names(database) == {"counter", "next"}


async def test_a_transaction_in_a_transaction_is_refused(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(RuntimeError, match="would wait for itself"):
            await add(database, "a")
    await add(database, "b")
    assert await names(database) == {"counter", "b"}


async def test_many_parameter_sets_run_one_statement(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(ADD, [{"name": name} for name in "abc"])
        found = await transaction.execute(text("SELECT name FROM item ORDER BY name"))
    assert [row.name for row in found] == ["a", "b", "c", "counter"]


async def test_a_read_cannot_write(database: Database) -> None:
    async with database.read() as connection:
        with pytest.raises(OperationalError, match="readonly"):
            await connection.execute(ADD, {"name": "a"})


async def test_a_read_sees_one_snapshot_while_others_write(tmp_path: Path, migrations: Path) -> None:
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path}/x.sqlite", migrations=migrations) as database:
        async with database.read() as connection:
            first = (await connection.execute(READ, {"name": "counter"})).scalar()
            await count_up(database)
            again = (await connection.execute(READ, {"name": "counter"})).scalar()
        assert (first, again, await value(database)) == (0, 0, 1)


async def test_a_reader_who_leaves_does_no_harm(database: Database) -> None:
    slow = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n")
    for _ in range(8):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.002), database.read() as connection:
                await connection.execute(slow)
    assert await value(database) == 0


async def test_migrations_run_once_and_then_what_is_new(tmp_path: Path, migrations: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/x.sqlite"
    async with Database.open(url, migrations=migrations) as database:
        await count_up(database)
    (migrations / "0002_units.py").write_text(SECOND.format(then="UPDATE item SET unit = 'a'"))
    for _ in range(2):
        async with Database.open(url, migrations=migrations) as database, database.read() as connection:
            row = (await connection.execute(text("SELECT value, unit FROM item"))).one()
            assert tuple(row) == (1, "a")


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, migrations: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/x.sqlite"
    async with Database.open(url, migrations=migrations):
        pass
    second = migrations / "0002_units.py"
    second.write_text(SECOND.format(then="UPDATE missing SET unit = 'a'"))
    with pytest.raises(OperationalError, match="no such table: missing"):
        async with Database.open(url, migrations=migrations):
            pass
    second.unlink()
    async with Database.open(url, migrations=migrations) as database, database.read() as connection:
        columns = (await connection.execute(text("PRAGMA table_info(item)"))).all()
    assert [column.name for column in columns] == ["tenant", "name", "value"]


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path, migrations: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/x.sqlite"
    second = migrations / "0002_units.py"
    second.write_text(SECOND.format(then="SELECT 1"))
    async with Database.open(url, migrations=migrations):
        pass
    second.unlink()
    with pytest.raises(NewerDatabase, match="is at revision 0002, and this version knows 0001"):
        async with Database.open(url, migrations=migrations):
            pass


async def test_commits_are_durable_and_readers_do_not_block(tmp_path: Path, migrations: Path) -> None:
    url, pragmas = f"sqlite+aiosqlite:///{tmp_path}/x.sqlite", ("journal_mode", "synchronous", "foreign_keys")
    async with Database.open(url, migrations=migrations) as database, database.transaction() as transaction:
        found = [await transaction.scalar(text(f"PRAGMA {name}")) for name in pragmas]
    assert found == ["wal", 2, 1]


async def test_a_data_folder_that_cannot_be_made_is_said(tmp_path: Path, migrations: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirReadOnly, match=r"file/data cannot be written \(Not a directory\)"):
        async with Database.open(f"sqlite+aiosqlite:///{tmp_path}/file/data/x.sqlite", migrations=migrations):
            pass


OPENS = """
import asyncio, os, sys
from pathlib import Path
from chartly.runtime import Database
from chartly.runtime.errors import DataDirReadOnly

async def main(folder, migrations):
    async with Database.open(f"sqlite+aiosqlite:///{folder}/x.sqlite", migrations=Path(migrations)):
        pass

if os.getuid() == 0:
    os.setuid(65534)
try:
    asyncio.run(main(*sys.argv[1:]))
except DataDirReadOnly as error:
    print(error)
"""


def test_a_read_only_data_folder_is_said(migrations: Path) -> None:
    """In a process of its own, because the superuser may write everywhere."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        command = [sys.executable, "-c", OPENS, folder, str(migrations)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert (
        said == f"the data folder {folder} cannot be written (no write access to {Path(folder).name}); choose another\n"
    )
