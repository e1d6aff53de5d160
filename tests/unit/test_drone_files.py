"""Files as sources: formats, compression, pieces, and damage."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from contextlib import aclosing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chartly.api.profile.v1 import profile_pb2
from chartly.api.run.v1 import run_pb2
from chartly.drone.errors import DataCorrupt, PathNotAllowed, SourceUnavailable, UnsupportedFormat
from chartly.drone.files import FileSource
from chartly.drone.paths import Roots
from chartly.drone.source import SourcePage
from chartly.engine import UnreadablePage


def a_source(tmp_path: Path, name: str, *, max_bytes: int = 0) -> FileSource:
    profile = profile_pb2.Profile()
    profile.source.file.path = name
    profile.limits.max_bytes = max_bytes
    return FileSource(profile, Roots([tmp_path], data_dir=tmp_path / ".chartly"))


async def pages_of(source: FileSource) -> list[SourcePage]:
    async with aclosing(source.pages()) as pages:
        return [page async for page in pages]


def zipped(path: Path, *members: tuple[str, bytes], damage: bool = False) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    if damage:
        path.write_bytes(path.read_bytes()[:-30])


async def test_a_plain_file_is_one_page_with_the_digest_of_its_bytes(tmp_path: Path) -> None:
    content = b'{"a": 1}\n{"a": 2}\n'
    (tmp_path / "a.ndjson").write_bytes(content)
    source = a_source(tmp_path, "a.ndjson")
    [page] = await pages_of(source)
    assert (page.number, page.data, page.format, page.first_record) == (1, content, "ndjson", 1)
    assert page.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert (source.size_bytes, source.paging_end) == (len(content), run_pb2.PAGING_END_EXHAUSTED)


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.ndjson", "ndjson"), ("a.JSONL", "ndjson"), ("a.json", "json"), ("a.csv", "csv")],
)
@pytest.mark.parametrize("compression", ["", ".gz", ".zip"])
async def test_formats_follow_from_names(tmp_path: Path, name: str, form: str, compression: str) -> None:
    path = tmp_path / f"{name}{compression}"
    content = b"a\n1\n"
    if compression == ".zip":
        zipped(path, ("__MACOSX/._a", b"x"), ("folder/" + name, content))
    else:
        path.write_bytes(gzip.compress(content) if compression else content)
    [page] = await pages_of(a_source(tmp_path, path.name))
    assert (page.format, page.data) == (form, content)


async def test_a_long_file_comes_in_pieces_that_count_on(tmp_path: Path) -> None:
    lines = [json.dumps({"n": n, "pad": "x" * 200}).encode() for n in range(60_000)]
    with gzip.open(tmp_path / "long.ndjson.gz", "wb", 1) as file:
        file.write(b"\n".join(lines))
    source = a_source(tmp_path, "long.ndjson.gz")
    pages = await pages_of(source)
    assert len(pages) > 1
    assert b"".join(page.data for page in pages) == b"\n".join(lines)
    assert {page.number for page in pages} == {1}
    for page in pages:
        assert json.loads(page.data.split(b"\n", 1)[0])["n"] == page.first_record - 1


async def test_a_limit_of_bytes_leaves_the_rest(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_bytes(b"a\n" + b"1234567\n" * 3_000_000)
    source = a_source(tmp_path, "long.csv", max_bytes=10_000_000)
    pages = await pages_of(source)
    assert len(pages) == 1
    assert (source.paging_end, source.limit) == (run_pb2.PAGING_END_LIMIT, "max_bytes")


async def test_a_truncated_zip_or_gzip_is_corrupt(tmp_path: Path) -> None:
    zipped(tmp_path / "cut.csv.zip", ("cut.csv", b"a\n1\n" * 1000), damage=True)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a\n1\n" * 1000)[:-10])
    (tmp_path / "none.csv.gz").write_bytes(b"a\n1\n")
    for name in ("cut.csv.zip", "cut.csv.gz", "none.csv.gz"):
        with pytest.raises(DataCorrupt, match="cut short or damaged"):
            await pages_of(a_source(tmp_path, name))


async def test_a_zip_with_a_wrong_checksum_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("bad.csv", b"a\n1\n")
    path.write_bytes(path.read_bytes().replace(b"a\n1\n", b"a\n2\n"))
    with pytest.raises(DataCorrupt, match="CRC"):
        await pages_of(a_source(tmp_path, "bad.csv.zip"))


async def test_a_zip_of_several_files_is_refused(tmp_path: Path) -> None:
    zipped(tmp_path / "two.zip", ("a.csv", b"a\n"), ("b.csv", b"a\n"))
    with pytest.raises(UnsupportedFormat, match="2 files"):
        await pages_of(a_source(tmp_path, "two.zip"))


@pytest.mark.parametrize("name", ["a.xls", "a", "a.csv.bz2", "a.gz"])
async def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UnsupportedFormat):
        await pages_of(a_source(tmp_path, name))


async def test_a_file_outside_the_roots_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PathNotAllowed):
        await pages_of(a_source(tmp_path, "/etc/hostname"))


async def test_a_file_that_changes_while_it_is_read_is_read_again_later(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n1\n")
    source = a_source(tmp_path, "a.csv")
    async with aclosing(source.pages()) as pages:
        await anext(pages)
        path.write_bytes(b"a\n1\n2\n")
        with pytest.raises(SourceUnavailable, match="changed") as caught:
            [page async for page in pages]
    assert caught.value.retryable


@pytest.mark.parametrize("compression", ["", ".gz"])
async def test_parquet_comes_in_pieces_of_its_own(tmp_path: Path, compression: str) -> None:
    rows = pa.table({"n": range(150_000)})
    sink = io.BytesIO()
    pq.write_table(rows, sink, row_group_size=40_000)
    content = gzip.compress(sink.getvalue()) if compression else sink.getvalue()
    (tmp_path / f"a.parquet{compression}").write_bytes(content)
    pages = await pages_of(a_source(tmp_path, f"a.parquet{compression}"))
    assert len(pages) > 1
    read = pa.concat_tables([pq.read_table(io.BytesIO(page.data)) for page in pages])
    assert read.equals(rows)
    assert [page.first_record for page in pages][1] == pq.read_metadata(io.BytesIO(pages[0].data)).num_rows + 1


async def test_a_damaged_parquet_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not at all")
    with pytest.raises(UnreadablePage, match="Parquet"):
        await pages_of(a_source(tmp_path, "a.parquet"))
