"""Making a run's staged files a version of its dataset: every step of CommitRun that touches files. Blocks.

The order of the steps is what makes a kill at any point harmless:

1. check the staged files and the receipt; nothing is changed yet
2. decide on one version of the table which rows are new, writing what has to be written into the stage
3. move the data files into the table's folder, under names that a repetition finds again
4. commit the version to the Delta log: the point of no return
5. (`projection`) move raw pages and the quarantine file to the artifacts, note the commit, remove the stage

Until 4 the stage can be discarded whole; after 4 the log says all that 5 needs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chartly.runtime import boundary
from chartly.runtime.files import sync_folder
from chartly.storage import dedupe, layout, parquet, schema
from chartly.storage.dedupe import Delivery
from chartly.storage.errors import ReceiptMismatch, StagedFileInvalid
from chartly.storage.sql import Engine
from chartly.storage.table import DataFile, Table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class StagedFile:
    """A file of the stage, as the commit describes it."""

    name: str
    row_count: int
    size_bytes: int


@dataclass(frozen=True)
class RawPage:
    """A raw page of the stage: `raw/<digits of its digest>`."""

    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Counts:
    """What the run counted, in records; `staged` splits into delivered and deduplicated."""

    extracted: int
    staged: int
    quarantined: int
    filtered: int


@dataclass(frozen=True)
class Draft:
    """A run that wants to commit."""

    dataset_id: str
    work_key: str
    token: int
    arrow_schema: bytes
    primary_key: tuple[str, ...]
    data_files: tuple[StagedFile, ...]
    quarantine_file: StagedFile | None
    raw_pages: tuple[RawPage, ...]
    counts: Counts


@dataclass(frozen=True)
class Outcome:
    """What a draft came to on the version of the dataset that it joins."""

    version: int
    delivered: int
    deduplicated: int
    row_count: int
    quarantine_digest: str
    """`sha256:…`; empty where nothing is quarantined."""


Describe = Callable[[Outcome], Mapping[str, Any]]


def publish(draft: Draft, folder: Path, stage: Path, engine: Engine, describe: Describe) -> None:
    """Commit a draft, as the module says.

    Args:
        draft: what to commit; its work key has not committed.
        folder: the table's folder.
        stage: the stage's folder, which needs not exist where there are no files.
        engine: for deduplication.
        describe: what the log says of the outcome.

    Raises:
        ReceiptMismatch, StagedFileInvalid, IncompatibleChange: the draft is refused, and nothing has changed.
        CommitConflict: another commit came first; publish again.
    """
    wanted = schema.read_ipc(draft.arrow_schema)
    staged = _located(draft, folder, stage)
    _check(draft, staged, stage, wanted)
    table = _evolved(draft.dataset_id, Table.create(folder, wanted), wanted)
    filled = [path for path, file in zip(staged, draft.data_files, strict=True) if file.row_count]
    delivery = _decide(draft, filled, table.files(), stage / layout.REWRITTEN, engine)
    _commit(draft, table, delivery, stage, describe)


def _located(draft: Draft, folder: Path, stage: Path) -> list[Path]:
    """The data files where they are: in the stage, or in the table's folder if an earlier call came that far."""
    moved = [folder / layout.data_file_name(draft.work_key, draft.token, str(n)) for n in range(len(draft.data_files))]
    return [
        there if there.exists() else stage / layout.DATA / file.name
        for there, file in zip(moved, draft.data_files, strict=True)
    ]


def _check(draft: Draft, staged: Sequence[Path], stage: Path, wanted: pa.Schema) -> None:
    counts, quarantine = draft.counts, draft.quarantine_file
    rows = sum(file.row_count for file in draft.data_files)
    in_quarantine = quarantine.row_count if quarantine else 0
    adds_up = counts.extracted == counts.staged + counts.quarantined + counts.filtered
    if not adds_up or rows != counts.staged or in_quarantine != counts.quarantined:
        raise ReceiptMismatch(
            extracted=counts.extracted,
            delivered=rows,
            deduplicated=0,
            quarantined=in_quarantine,
            filtered=counts.filtered,
        )
    if missing := set(draft.primary_key) - set(wanted.names):
        raise StagedFileInvalid("arrow_schema", f"lacks the key's {', '.join(sorted(missing))}")
    for path, file in zip(staged, draft.data_files, strict=True):
        parquet.check(path, row_count=file.row_count, size_bytes=file.size_bytes, schema=wanted)
    if quarantine:
        path = stage / layout.QUARANTINE
        parquet.check(path, row_count=quarantine.row_count, size_bytes=quarantine.size_bytes)
    for page in draft.raw_pages:
        _check_raw_page(stage, page)


def _check_raw_page(stage: Path, page: RawPage) -> None:
    digits = layout.digits_of(page.digest)
    try:
        size = (stage / layout.RAW / digits).stat().st_size
    except FileNotFoundError:
        raise StagedFileInvalid(f"raw/{digits}", "is not in the stage") from None
    if size != page.size_bytes:
        raise StagedFileInvalid(f"raw/{digits}", f"has {size} bytes, not {page.size_bytes}")


def _evolved(dataset_id: str, table: Table, wanted: pa.Schema) -> Table:
    evolution = schema.evolve(dataset_id, table.schema, wanted)
    if evolution.added:
        table.add_columns(evolution.added)
    for name, metadata in evolution.described.items():
        table.describe_column(name, metadata)
    return table


def _decide(draft: Draft, staged: Sequence[Path], current: Sequence[Path], output: Path, engine: Engine) -> Delivery:
    if not staged:
        return Delivery(0, 0, (), ())
    if not current and not draft.primary_key:
        return Delivery(draft.counts.staged, 0, tuple(staged), ())
    with engine.connect() as sql:
        if draft.primary_key:
            return dedupe.merge(sql, staged, current, draft.primary_key, output)
        return dedupe.append(sql, staged, current, output)


def _commit(draft: Draft, table: Table, delivery: Delivery, stage: Path, describe: Describe) -> None:
    digest = _sealed(stage / layout.QUARANTINE) if draft.quarantine_file else ""
    added = _moved(draft, table.folder, stage, delivery.added)
    removed_rows = sum(parquet.describe(path).row_count for path in delivery.removed)
    outcome = Outcome(
        version=table.version + 1,
        delivered=delivery.delivered,
        deduplicated=delivery.deduplicated,
        row_count=table.row_count() + sum(file.row_count for file in added) - removed_rows,
        quarantine_digest=digest,
    )
    table.commit(added, delivery.removed, work_key=draft.work_key, token=draft.token, metadata=describe(outcome))


def _moved(draft: Draft, folder: Path, stage: Path, files: Sequence[Path]) -> list[DataFile]:
    """Move files into the table's folder; those that are there already stay."""
    numbers = {stage / layout.DATA / file.name: str(number) for number, file in enumerate(draft.data_files)}
    moved = []
    for file in files:
        target = folder / layout.data_file_name(draft.work_key, draft.token, numbers.get(file, file.stem))
        if file.parent == folder:
            target = file
        else:
            _sync(file)
            with boundary.around("file", "storage/data_file"):
                file.rename(target)
        moved.append(parquet.describe(target))
    sync_folder(folder)
    return moved


def _sealed(path: Path) -> str:
    """Make a small file durable and return its digest."""
    _sync(path)
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
