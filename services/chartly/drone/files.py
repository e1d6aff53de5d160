"""The source `file`: one file, decompressed as it is read, in pieces that end between two records."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from chartly.api.profile.v1 import profile_pb2
from chartly.drone.errors import DataCorrupt, SourceFileNotFound, SourceUnavailable, UnsupportedFormat
from chartly.drone.limits import Limits
from chartly.drone.paths import Roots
from chartly.drone.source import MAX_PAGE_BYTES, Format, Source, SourcePage
from chartly.drone.threads import in_thread
from chartly.engine.blocks import Block, csv_blocks, ndjson_blocks, parquet_blocks

_FORMATS: dict[str, Format] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)


class FileSource(Source):
    """The records of one file. All pieces are of page 1, and records are counted through the file."""

    def __init__(self, profile: profile_pb2.Profile, roots: Roots) -> None:
        super().__init__()
        self._name = profile.source.file.path
        self._max_bytes = Limits.of(profile.limits).max_bytes
        self._roots = roots

    async def pages(self) -> AsyncGenerator[SourcePage]:
        """Yield the pieces of the file until its end or until `max_bytes`.

        Raises:
            DroneError: the file cannot be read to its end.
        """
        with ExitStack() as stack:
            path = await in_thread(self._roots.resolve, self._name)
            before, digest = await in_thread(_identity, self._name, path)
            stream, file_format = await in_thread(self._open, path, stack)
            blocks = _blocks(self._name, stream, file_format)
            while (block := await in_thread(self._next, blocks)) is not None:
                if self.size_bytes + block.size_bytes > self._max_bytes:
                    self.end_at("max_bytes")
                    return
                self.size_bytes += block.size_bytes
                yield SourcePage(
                    number=1, data=block.data, format=file_format, digest=digest, first_record=block.first_record
                )
            if await in_thread(_stamp, path) != before:
                raise SourceUnavailable(self._name, "changed while it was read")
            self.end_at()

    def _open(self, path: Path, stack: ExitStack) -> tuple[BinaryIO, Format]:
        """Return the file's records as a stream of bytes, and their format."""
        with _reading(self._name):
            inner = PurePosixPath(path.name)
            if path.suffix.lower() == ".zip":
                archive = stack.enter_context(zipfile.ZipFile(path))
                member = _only_member(self._name, archive)
                inner, stream = PurePosixPath(member.filename), cast(BinaryIO, archive.open(member))
            elif path.suffix.lower() == ".gz":
                inner, stream = inner.with_suffix(""), cast(BinaryIO, gzip.open(path))  # noqa: SIM115  the stack closes it
            else:
                stream = path.open("rb")
            stack.callback(stream.close)
        if inner.suffix.lower() not in _FORMATS:
            raise UnsupportedFormat(self._name, f"is none of {', '.join(_FORMATS)}, as it is or in .gz or .zip")
        return stream, _FORMATS[inner.suffix.lower()]

    def _next(self, blocks: Iterator[Block]) -> Block | None:
        with _reading(self._name):
            return next(blocks, None)


def _blocks(name: str, stream: BinaryIO, file_format: Format) -> Iterator[Block]:
    match file_format:
        case "ndjson":
            yield from ndjson_blocks(stream)
        case "csv":
            yield from csv_blocks(stream)
        case "parquet":
            # Its footer comes last, so a compressed file is decompressed first.
            is_plain = isinstance(stream, io.BufferedReader)
            yield from parquet_blocks(stream if is_plain else io.BytesIO(_whole(name, stream)))
        case "json":
            data = _whole(name, stream)
            yield Block(data, 1, len(data))


def _whole(name: str, stream: BinaryIO) -> bytes:
    data = stream.read(MAX_PAGE_BYTES + 1)
    if len(data) > MAX_PAGE_BYTES:
        limit = f"{MAX_PAGE_BYTES >> 20} MiB"
        raise UnsupportedFormat(name, f"is larger than {limit}, which only NDJSON, CSV and plain Parquet files may be")
    return data


def _only_member(name: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        member for member in archive.infolist() if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        raise UnsupportedFormat(name, f"holds {len(members)} files, where one is expected")
    return members[0]


def _identity(name: str, path: Path) -> tuple[tuple[int, ...], str]:
    """Return what changes when a file does, and the digest of its bytes."""
    with _reading(name), path.open("rb") as file:
        return _stamp(path), f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _stamp(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Say of a file what its decompression complains about."""
    try:
        yield
    except _BROKEN as error:
        raise DataCorrupt(name, str(error) or "it ends too early") from None
    except (NotImplementedError, RuntimeError) as error:
        raise UnsupportedFormat(name, f"cannot be decompressed: {error}") from None
    except OSError as error:
        raise SourceFileNotFound(name, f"cannot be read ({error.strerror or error})") from None
