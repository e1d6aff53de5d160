"""Contract documents out of requests, where they come as bodies or as files."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import NoReturn

from chartly.api.registry.v1 import contract_pb2
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.contracts.documents import Kind, Source, kind_of
from chartly.engine import Problem
from chartly.registry.contract_errors import InvalidContract
from chartly.registry.contract_evolution import Reference
from chartly.runtime.bodies import UnsupportedMediaType, check_size

MAX_SIZE_BYTES = 8 << 20
MAX_FILES = 1000
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_ZIP = "application/zip"
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises where an archive is damaged, encrypted or of a kind that it does not read.
_BROKEN = (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, EOFError, ValueError, struct.error, zlib.error)
_NAMES = {
    "application/schema+json": "contract.json",
    "application/json": "contract.json",
    "application/yaml": "contract.yaml",
    "application/x-yaml": "contract.yaml",
    "text/yaml": "contract.yaml",
    "text/x-protobuf": "contract.proto",
}
_EXPECTED = ", ".join(("application/schema+json", "application/json", "application/yaml", "text/x-protobuf", _ZIP))

Request = pb.CreateContractRevisionRequest | pb.ValidateContractRequest | pb.CheckCompatibilityRequest


def source_of(request: Request) -> tuple[Source, tuple[Reference, ...]]:
    """Return the document of a request, and what it refers to.

    Raises:
        BodyTooLarge: it has more bytes than are read, unpacked too.
        UnsupportedMediaType: the body is none that is read.
        InvalidContract: its files cannot be those of a contract.
    """
    if request.HasField("document"):
        document = request.document
        check_size(document.ByteSize(), MAX_SIZE_BYTES)
        given, message = document.kind, document.message
        files = _files((file.path, file.text) for file in document.files)
        references = tuple(Reference(each.name, each.contract_id, each.version) for each in document.references)
    else:
        check_size(len(request.body.data), MAX_SIZE_BYTES)
        given, message = contract_pb2.CONTRACT_KIND_UNSPECIFIED, ""
        files = _files(_unpacked(request.body.content_type, request.body.data))
        references = tuple(map(_reference, request.references))
    kind = Kind(_word(given)) if given else kind_of(files)
    if kind is not Kind.PROTO and len(files) > 1:
        _refuse("files", "TOO_MANY_FILES", f"a document of kind {kind} has one file, and this has {len(files)}")
    if repeated := _repeated(each.name for each in references):
        _refuse("references", "DUPLICATE_REFERENCE", f"{repeated} is referred to twice")
    return Source(kind, files, message), references


def _word(kind: contract_pb2.ContractKind.ValueType) -> str:
    return contract_pb2.ContractKind.Name(kind).removeprefix("CONTRACT_KIND_")


def _reference(text: str) -> Reference:
    name, _, target = text.partition("=")
    contract_id, _, version = target.partition("@")
    return Reference(name, contract_id, version)


def _unpacked(content_type: str, data: bytes) -> list[tuple[str, str]]:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == _ZIP:
        return _unzipped(data)
    if media_type and media_type not in _NAMES:
        raise UnsupportedMediaType(media_type, _EXPECTED)
    return [(_NAMES.get(media_type) or _guessed(data), _text(data))]


def _guessed(data: bytes) -> str:
    if data.lstrip()[:1] == b"{":
        return "contract.json"
    return "contract.proto" if re.search(rb"^\s*(syntax|edition)\s*=", data, re.MULTILINE) else "contract.yaml"


def _unzipped(data: bytes) -> list[tuple[str, str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if _is_meant(member)]
            check_size(sum(member.file_size for member in members), MAX_SIZE_BYTES)
            if len(members) > MAX_FILES:
                _refuse(
                    "files", "TOO_MANY_FILES", f"the archive has {len(members)} files; at most {MAX_FILES} are read"
                )
            return [(member.filename, _text(_inflated(archive, member))) for member in members]
    except _BROKEN as error:
        _refuse("", "BAD_ARCHIVE", f"the body is no zip archive that is read: {error}")


def _is_meant(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a file of the contract, and not a folder or what a desktop adds by itself."""
    folder, _, name = member.filename.rpartition("/")
    return not (member.is_dir() or folder.partition("/")[0] == "__MACOSX" or name == ".DS_Store")


def _inflated(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type not in _COMPRESSIONS:
        _refuse(
            "files", "BAD_ARCHIVE", f"{member.filename} is neither stored nor deflated; pack it with one of the two"
        )
    # What the archive says of a size may be a lie, so no more than it says is read.
    with archive.open(member) as file:
        return file.read(member.file_size)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse("", "INVALID_UTF8", f"byte 0x{data[error.start]:02x} at {error.start} is not UTF-8")


def _files(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    files: dict[str, str] = {}
    known: dict[str, str] = {}
    for path, text in named:
        if not _PATH.fullmatch(path) or len(path) > 500:
            _refuse("files", "PATH_REFUSED", f"{path!r} is no relative path of ASCII letters, digits and ._-/")
        if (same := known.setdefault(path.lower(), path)) != path or path in files:
            _refuse("files", "DUPLICATE_PATH", f"{path} and {same} are one file where names do not differ by case")
        files[path] = text
    if not files:
        _refuse("files", "NO_FILES", "there is no file in it")
    return files


def _repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), "")  # type: ignore[func-returns-value]


def _refuse(path: str, rule: str, message: str) -> NoReturn:
    raise InvalidContract([Problem(0, 0, path, rule, message)])
