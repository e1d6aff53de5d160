"""What a run puts into its stage: data files, the quarantine file, and the counts of its receipt.

Whoever runs it gives a function that creates files, so there is no I/O here. A stager is not thread-safe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from chartly.engine.mapped import Mapped
    from chartly.engine.plan import Plan

QUARANTINE_FILE = "quarantine.parquet"
ROWS_PER_FILE = 1_000_000
# A row group has its own footer and dictionaries, so small batches are written together.
ROWS_PER_GROUP = 100_000

Create = Callable[[str], BinaryIO]


class StagedFile(NamedTuple):
    """A file of the stage: its name there, without a folder, its rows and its size in bytes."""

    name: str
    row_count: int
    size_bytes: int


class Staged(NamedTuple):
    """What a run has staged.

    data_files: in the order of their records.
    quarantine_file: None where nothing is quarantined.
    extracted, filtered: records.
    warnings: values that did not fit a field of severity warn, by field.
    """

    data_files: tuple[StagedFile, ...]
    quarantine_file: StagedFile | None
    extracted: int
    filtered: int
    warnings: Mapping[str, int]

    @property
    def row_count(self) -> int:
        """Rows in all data files."""
        return sum(file.row_count for file in self.data_files)

    @property
    def quarantined(self) -> int:
        """Records in the quarantine file."""
        return self.quarantine_file.row_count if self.quarantine_file else 0


class Stager:
    """Writes mapped batches of one run, in their order, as Parquet."""

    def __init__(self, plan: Plan, run_id: str, create: Create) -> None:
        """Begin with nothing staged.

        Args:
            plan: of the profile that maps the run's records.
            run_id: of the run; a column of every row.
            create: makes a file of the stage, named by its path there (`data/part-00000.parquet`), open for writing.
        """
        self._plan = plan
        self._run_id = run_id
        self._create = create
        self._data: _File | None = None
        self._data_files: list[StagedFile] = []
        self._quarantine: _File | None = None
        self._extracted = self._filtered = 0
        self._warnings: Counter[str] = Counter()

    def add(self, mapped: Mapped, raw_digests: Mapping[int, str]) -> None:
        """Stage a batch.

        Args:
            mapped: what the mapper made of the batch.
            raw_digests: digest of the raw bytes of each page of the batch, by its number; a page may lack one. A column
                `raw_digest` that the rejected records have already stays.
        """
        self._extracted += mapped.extracted
        self._filtered += mapped.filtered
        self._warnings.update(mapped.warnings)
        if mapped.accepted.num_rows:
            self._add_rows(mapped.accepted)
        if mapped.rejected.num_rows:
            self._add_rejected(mapped.rejected, raw_digests)

    def finish(self) -> Staged:
        """Close the files and say what they hold."""
        self._close_data()
        quarantine = self._quarantine.close() if self._quarantine else None
        return Staged(tuple(self._data_files), quarantine, self._extracted, self._filtered, dict(self._warnings))

    def _add_rows(self, accepted: pa.Table) -> None:
        import pyarrow as pa

        schema = self._plan.schema
        accepted = accepted.append_column("run_id", pa.repeat(pa.scalar(self._run_id, pa.string()), accepted.num_rows))
        if self._data is None:
            self._data = _File(self._create, "data/", f"part-{len(self._data_files):05}.parquet", schema)
        self._data.write(accepted.select(schema.names).cast(schema))
        if self._data.row_count >= ROWS_PER_FILE:
            self._close_data()

    def _add_rejected(self, rejected: pa.Table, raw_digests: Mapping[int, str]) -> None:
        import pyarrow as pa

        if "raw_digest" not in rejected.column_names:
            digests = [raw_digests.get(page) for page in rejected["page"].to_pylist()]
            rejected = rejected.append_column("raw_digest", pa.array(digests, pa.string()))
        if self._quarantine is None:
            self._quarantine = _File(self._create, "", QUARANTINE_FILE, rejected.schema)
        self._quarantine.write(rejected)

    def _close_data(self) -> None:
        if self._data is not None:
            self._data_files.append(self._data.close())
            self._data = None


class _File:
    """A Parquet file under way."""

    def __init__(self, create: Create, folder: str, name: str, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self.row_count = 0
        self._pending: list[pa.Table] = []
        self._name = name
        self._sink = create(folder + name)
        # record_id never repeats enough for a dictionary to pay.
        dictionary = [column for column in schema.names if column not in ("record_id", "raw", "errors")]
        self._writer: pq.ParquetWriter = pq.ParquetWriter(
            self._sink, schema, compression="zstd", compression_level=1, use_dictionary=dictionary, store_schema=True
        )

    def write(self, table: pa.Table) -> None:
        self.row_count += table.num_rows
        self._pending.append(table)
        if sum(pending.num_rows for pending in self._pending) >= ROWS_PER_GROUP:
            self._flush()

    def close(self) -> StagedFile:
        self._flush()
        self._writer.close()
        size_bytes = self._sink.tell()
        self._sink.close()
        return StagedFile(self._name, self.row_count, size_bytes)

    def _flush(self) -> None:
        import pyarrow as pa

        if self._pending:
            self._writer.write_table(pa.concat_tables(self._pending))
            self._pending.clear()
