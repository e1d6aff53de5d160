"""Users' proto files, compiled.

They import each other, files of the contracts that they refer to, and what comes with Chartly: `google/protobuf`,
`google/api`, `google/rpc`, `google/type` and `buf/validate`. The compiler is protoc in worker processes (`protoc_worker`)
with bounds on memory and time, for the files are anybody's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from chartly.contracts.protos import protoc
from chartly.engine import InvalidDocument, Problem
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

MAX_FILES = 1000
MAX_SIZE_BYTES = 8 << 20
MAX_MESSAGES = 10_000
MAX_FIELDS = 100_000
MAX_PATH_LENGTH = 500

_COMPLAINT = re.compile(
    r"^(?:files/)?(?P<path>[^:\n]+):(?:(?P<line>\d+):(?P<column>\d+):)? (?P<text>.+)$", re.MULTILINE
)
_CASCADE = re.compile(r'^Import "(?P<path>[^"]+)" was not found or had errors\.$')
_IMPORTED = re.compile(r"""["']([^"'\n]+\.proto)["']""")
_PACKAGES = ("google.protobuf", "google.api", "google.rpc", "google.type")


@dataclass(frozen=True)
class CompiledProtos:
    """Proto files as descriptors.

    descriptors: the files and those of references, with comments, each after what it imports.
    own: paths of the files themselves, references left out.
    """

    descriptors: FileDescriptorSet
    own: frozenset[str]

    def own_files(self) -> list[FileDescriptorProto]:
        """Return the files themselves."""
        return [file for file in self.descriptors.file if file.name in self.own]

    def with_imports(self) -> FileDescriptorSet:
        """Return all files and what they import of Chartly's, each after what it imports."""
        return FileDescriptorSet(file=[*common_files(self.descriptors.file), *self.descriptors.file])


def compile_protos(files: Mapping[str, str], references: Mapping[str, str] | None = None) -> CompiledProtos:
    """Compile proto files.

    Args:
        files: text of each file, by the path by which it is imported.
        references: files of other contracts, likewise.

    Raises:
        InvalidDocument: with every problem that the files have; the path of a problem is that of its file.
    """
    everything = {**(references or {}), **files}
    _refuse([*_size_problems(everything), *_path_problems(files, references or {})])
    imports = [file for text in everything.values() for file in _IMPORTED.findall(text)]
    compiled, payload = protoc.run(everything, [file.name for file in _closure(imports)], _common_sets)
    if not compiled:
        raise InvalidDocument(_complaints(payload.decode(errors="replace"), everything))
    descriptors = FileDescriptorSet.FromString(payload)
    _refuse(_count_problems(descriptors))
    return CompiledProtos(descriptors, frozenset(files))


def common_files(files: Iterable[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """Return what files import of those that come with Chartly, each after what it imports."""
    return _closure(path for file in files for path in file.dependency)


def is_common(path: str) -> bool:
    """Return whether a file of that path comes with Chartly, so that contracts import it and do not hold it."""
    return path in _common()


@cache
def _common() -> dict[str, FileDescriptorProto]:
    files = {}
    for module in _common_modules():
        file = FileDescriptorProto()
        import_module(module).DESCRIPTOR.CopyToProto(file)
        files[file.name] = file
    return files


def _common_modules() -> Iterator[str]:
    yield "buf.validate.validate_pb2"
    for package in _PACKAGES:
        for found in iter_modules(import_module(package).__path__):
            if found.name.endswith("_pb2"):
                yield f"{package}.{found.name}"


def _common_sets() -> dict[str, bytes]:
    return {path: FileDescriptorSet(file=[file]).SerializeToString() for path, file in _common().items()}


def _closure(paths: Iterable[str]) -> list[FileDescriptorProto]:
    found: dict[str, FileDescriptorProto] = {}

    def add(path: str) -> None:
        if path in (known := _common()) and path not in found:
            for dependency in known[path].dependency:
                add(dependency)
            found[path] = known[path]

    for path in paths:
        add(path)
    return list(found.values())


def _refuse(problems: Iterable[Problem]) -> None:
    if found := list(problems):
        raise InvalidDocument(found)


def _size_problems(files: Mapping[str, str]) -> Iterator[Problem]:
    if not files:
        yield _problem("", "FILES_MISSING", "there is no proto file")
    if len(files) > MAX_FILES:
        yield _problem("", "TOO_LARGE", f"there are {len(files)} files; at most {MAX_FILES} make a contract")
    if (size := sum(len(text.encode(errors="replace")) for text in files.values())) > MAX_SIZE_BYTES:
        yield _problem("", "TOO_LARGE", f"the files have {size} bytes together; at most {MAX_SIZE_BYTES} are read")


def _path_problems(files: Mapping[str, str], references: Mapping[str, str]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for path in [*files, *references]:
        other = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if path in files and path in references:
            yield _problem(path, "PATH_COLLIDES", f"{path} is also a file of a referenced contract; keep one of them")
        elif other != path:
            yield _problem(path, "PATH_COLLIDES", f"{path} and {other} differ by case or Unicode form only; rename one")
        if is_common(path):
            yield _problem(path, "PATH_REFUSED", f"{path} comes with Chartly; leave it out, imports find it")
        elif not _is_clean(path):
            message = "a path is relative, has / between names, ends in .proto, and is in Unicode form NFC"
            yield _problem(path, "PATH_REFUSED", f"{path!r}: {message}")


def _is_clean(path: str) -> bool:
    return (
        path.endswith(".proto")
        and len(path) <= MAX_PATH_LENGTH
        and unicodedata.is_normalized("NFC", path)
        and path.isprintable()
        and not re.search(r"[\\:]", path)
        and all(name not in ("", ".", "..") and not name.startswith("-") for name in path.split("/"))
    )


def _complaints(text: str, files: Mapping[str, str]) -> list[Problem]:
    problems = []
    for found in _COMPLAINT.finditer(text):
        said = found["text"]
        if found["line"] is None or said.startswith("warning:"):
            continue
        if cascade := _CASCADE.match(said):
            if cascade["path"] in files:
                continue  # its own complaints say why
            said = f'"{cascade["path"]}" is not there; add the file, or a reference to the contract that has it'
        reason = "IMPORT_MISSING" if cascade else "PROTO_REFUSED"
        problems.append(Problem(int(found["line"]), int(found["column"]), found["path"], reason, said))
    return problems or [_problem("", "PROTO_REFUSED", text.strip() or "protoc refused the files")]


def _count_problems(descriptors: FileDescriptorSet) -> Iterator[Problem]:
    messages = [message for file in descriptors.file for message in _messages(file.message_type)]
    fields = sum(len(message.field) for message in messages)
    if len(messages) > MAX_MESSAGES:
        yield _problem("", "TOO_LARGE", f"there are {len(messages)} messages; at most {MAX_MESSAGES} make a contract")
    if fields > MAX_FIELDS:
        yield _problem("", "TOO_LARGE", f"there are {fields} fields; at most {MAX_FIELDS} make a contract")


def _messages(messages: Iterable[descriptor_pb2.DescriptorProto]) -> Iterator[descriptor_pb2.DescriptorProto]:
    for message in messages:
        yield message
        yield from _messages(message.nested_type)


def _problem(path: str, reason: str, message: str) -> Problem:
    return Problem(0, 0, path, reason, message)
