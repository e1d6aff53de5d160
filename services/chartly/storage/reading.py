"""Rows of a dataset's version in the formats that callers read. Blocks; nothing here is larger than a batch or a file.

- `arrow`: an IPC stream. Its last batch has no rows, and the batch's metadata hold `chartly.end`, `{"row_count": 17}`, or
  `chartly.error`, a `google.rpc.Status`. A stream without such a batch was cut.
- `ndjson`: records as `{"record_id", "run_id", "observed_at", "dims": {}, "measures": {}}`. The last line is
  `{"end": {"row_count": 17}}`, or `{"error": {…}}` with a `google.rpc.Status`. A body without such a line was cut.
- `csv`, `parquet`: one file, complete before its first byte.

In the text formats an instant is RFC 3339 in UTC; in JSON a decimal is a string, and so is an integer beyond ±2^53.
A stream that fails before its first row fails as any call does, without a marker.
"""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chartly.runtime.errors import ChartlyError, status_of
from chartly.storage.dedupe import quoted_name, quoted_text, scan
from chartly.storage.schema import SYSTEM_COLUMNS, metadata_of
from chartly.storage.sql import Engine
from google.protobuf.json_format import MessageToDict

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

BATCH_ROWS = 50_000
CHUNK_BYTES = 1 << 20
_LARGEST_EXACT = 2**53

#: What a body consists of; closing it gives back what it holds.
Chunks = Generator[bytes, None, None]
#: Makes of what went wrong the error that its caller may see.
Explain = Callable[[Exception], ChartlyError]


@dataclass(frozen=True)
class Version:
    """A version of a dataset, to be read.

    files: its Parquet files; a column that one lacks is null in its rows.
    schema: its columns.
    engine: what reads it.
    """

    files: Sequence[Path]
    schema: pa.Schema
    engine: Engine


@dataclass(frozen=True)
class Format:
    """How rows become bytes."""

    media_type: str
    chunks: Callable[[Version, Explain], Chunks]


def digest_of(version: Version) -> str:
    """Return the digest of the version's rows, `sha256:…`: over the sorted record_ids, each followed by a line feed."""
    digest = hashlib.sha256()
    with version.engine.connect() as sql:
        for lines in _texts(sql.sql(f"SELECT record_id || chr(10) FROM {_rows(sql, version)} ORDER BY record_id")):
            digest.update(lines)
    return f"sha256:{digest.hexdigest()}"


def file_chunks(path: Path) -> Chunks:
    """Yield a file's bytes."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _ndjson(version: Version, explain: Explain) -> Chunks:
    row_count = 0
    try:
        with version.engine.connect() as sql:
            record = f"{_record(version.schema)}::VARCHAR || chr(10)"
            for lines in _texts(sql.sql(f"SELECT {record} FROM {_rows(sql, version)}")):
                row_count += lines.count(b"\n")
                yield lines
    except Exception as error:
        if row_count:
            yield _line({"error": _status(explain(error))})
        raise
    yield _line({"end": {"row_count": row_count}})


def _arrow(version: Version, explain: Explain) -> Chunks:
    import pyarrow as pa

    row_count, sink = 0, _Sink()
    blank = pa.RecordBatch.from_pylist([], schema=version.schema)
    with pa.ipc.new_stream(sink, version.schema) as writer:
        try:
            with version.engine.connect() as sql:
                for batch in sql.sql(f"FROM {_rows(sql, version)}").to_arrow_reader(BATCH_ROWS):
                    writer.write_batch(batch.cast(version.schema))
                    row_count += batch.num_rows
                    yield sink.taken()
        except Exception as error:
            if row_count:
                writer.write_batch(blank, custom_metadata={"chartly.error": json.dumps(_status(explain(error)))})
                yield sink.taken()
            raise
        writer.write_batch(blank, custom_metadata={"chartly.end": json.dumps({"row_count": row_count})})
    yield sink.taken()


def _csv(version: Version, _: Explain) -> Chunks:
    columns = ", ".join(f"{_plain(field)} AS {quoted_name(field.name)}" for field in version.schema)
    return _file(version, columns, "FORMAT csv, HEADER")


def _parquet(version: Version, _: Explain) -> Chunks:
    return _file(version, "*", "FORMAT parquet, COMPRESSION zstd")


FORMATS = {
    "ndjson": Format("application/x-ndjson", _ndjson),
    "arrow": Format("application/vnd.apache.arrow.stream", _arrow),
    "csv": Format("text/csv; charset=utf-8", _csv),
    "parquet": Format("application/vnd.apache.parquet", _parquet),
}


def _file(version: Version, columns: str, options: str) -> Chunks:
    path = version.engine.spill / uuid.uuid4().hex
    try:
        with version.engine.connect() as sql:
            sql.execute(f"COPY (SELECT {columns} FROM {_rows(sql, version)}) TO {quoted_text(str(path))} ({options})")
        yield from file_chunks(path)
    finally:
        path.unlink(missing_ok=True)


def _rows(sql: DuckDBPyConnection, version: Version) -> str:
    """The SQL for the rows in the order of their files, with all columns of the schema, also those that no file has."""
    sql.register("blank", version.schema.empty_table())
    names = ", ".join(quoted_name(name) for name in version.schema.names)
    files = f" UNION ALL BY NAME FROM {scan(version.files)}" if version.files else ""
    return f"(SELECT {names} FROM (FROM blank{files}))"


def _texts(relation: DuckDBPyRelation) -> Iterator[bytes]:
    """The texts of a relation's only column, one after the other, batch by batch."""
    for batch in relation.to_arrow_reader(BATCH_ROWS):
        if batch.num_rows:
            yield "".join(batch.column(0).to_pylist()).encode()


def _record(schema: pa.Schema) -> str:
    """The expression for a row as the JSON of a record."""
    parts = {name: _json(schema.field(name)) for name in SYSTEM_COLUMNS}
    for group, kind in (("dims", "dim"), ("measures", "measure")):
        fields = [field for field in schema if metadata_of(field).get("kind") == kind]
        parts[group] = _object({field.name: _json(field) for field in fields})
    return _object(parts)


def _object(parts: Mapping[str, str]) -> str:
    return "json_object(" + ", ".join(f"{quoted_text(name)}, {value}" for name, value in parts.items()) + ")"


def _json(field: pa.Field) -> str:
    """The expression for a column's value as JSON."""
    import pyarrow as pa

    value = quoted_name(field.name)
    if pa.types.is_integer(field.type):
        exact = f"{value} BETWEEN {-_LARGEST_EXACT} AND {_LARGEST_EXACT}"
        return f"CASE WHEN {exact} THEN to_json({value}) ELSE to_json({value}::VARCHAR) END"
    if pa.types.is_decimal(field.type):
        return f"to_json({value}::VARCHAR)"
    return f"to_json({_plain(field)})"


def _plain(field: pa.Field) -> str:
    """The expression for a column's value, an instant as RFC 3339 text with as many digits as it needs."""
    import pyarrow as pa

    value = quoted_name(field.name)
    if not pa.types.is_timestamp(field.type):
        return value
    instant, micros = f"make_timestamp(epoch_us({value}))", f"epoch_us({value})"
    return (
        f"CASE WHEN {micros} % 1000000 = 0 THEN strftime({instant}, '%Y-%m-%dT%H:%M:%SZ') "
        f"WHEN {micros} % 1000 = 0 THEN strftime({instant}, '%Y-%m-%dT%H:%M:%S.%gZ') "
        f"ELSE strftime({instant}, '%Y-%m-%dT%H:%M:%S.%fZ') END"
    )


def _status(error: ChartlyError) -> dict[str, Any]:
    return MessageToDict(status_of(error))


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class _Sink(io.RawIOBase):
    """What a writer has written since it was last asked."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return it, and begin anew."""
        taken, self._parts = b"".join(self._parts), []
        return taken
