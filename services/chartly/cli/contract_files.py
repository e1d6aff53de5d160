"""The files of a contract as their author wrote them, and the places in them that errors speak of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chartly.cli.documents import say_problems
from chartly.cli.exits import EXIT_OF_CODE, Exit, fail

if TYPE_CHECKING:
    from chartly.api.registry.v1.contract_pb2 import ContractDocument
    from chartly.api.registry.v1.registry_pb2 import Problem
    from chartly.engine import Problem as OwnProblem

MAX_SIZE_BYTES = 8 << 20
_PLACED = re.compile(r"\d+:\d+ ")
_REFERENCE = re.compile(r"(?P<name>[^=]+)=(?P<contract_id>[^@=]+)(@(?P<version>[^@=]+))?")


@dataclass(frozen=True, slots=True)
class ContractFiles:
    """Files by the path that they have in the contract; `texts` is what they hold, `names` what messages call them."""

    texts: Mapping[str, str]
    names: Mapping[str, str]

    def document(self, references: Sequence[str] = (), message: str = "") -> ContractDocument:
        """Return them as the registry takes them.

        Args:
            references: each as `NAME=CONTRACT@VERSION`; the latest version by default.
            message: of protos, full name of the one that records are checked against; by default the first one.
        """
        from chartly.api.registry.v1.contract_pb2 import ContractDocument, ContractFile, ContractReference

        found = [_REFERENCE.fullmatch(text) or _no_reference(text) for text in references]
        files = [ContractFile(path=path, text=text) for path, text in self.texts.items()]
        needed = [ContractReference(**match.groupdict("")) for match in found]
        return ContractDocument(files=files, message=message, references=needed)

    @contextmanager
    def placing(self, effect: str) -> Iterator[None]:
        """Print problems of the files that the block's calls meet, with their places, and end the command.

        Args:
            effect: what did not happen then, as in `Nothing was saved.`
        """
        import grpc
        from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
        from chartly.runtime import error_of

        try:
            yield
        except grpc.aio.AioRpcError as error:
            answer = error_of(error)
            if answer.reason != ErrorReason.ERROR_REASON_INVALID_DOCUMENT or not answer.violations:
                raise
            lines = [self._line(each.field, each.description) for each in answer.violations]
            say_problems(lines, effect, total=int(answer.metadata.get("problems", 0)))
            raise SystemExit(EXIT_OF_CODE.get(error.code().name, Exit.FAILED)) from None

    def say(self, problem: Problem | OwnProblem) -> str:
        """Return a problem as a line that begins with its place."""
        place = f"{problem.line}:{problem.column} " if problem.line else ""
        return self._line(problem.path, f"{place}{problem.message}")

    def _line(self, path: str, text: str) -> str:
        name = self.names.get(path) or next(iter(self.names.values()))
        return f"{name}:{text}" if _PLACED.match(text) else f"{name} {text}"


def read_contract_files(paths: Sequence[Path]) -> ContractFiles:
    """Read files; of a folder all `.proto` files below it, by their paths in the folder.

    Files that no service takes end the command, and are not read to their end.
    """
    texts: dict[str, str] = {}
    names: dict[str, str] = {}
    left = MAX_SIZE_BYTES
    for path, file in (found for given in paths for found in _files(given)):
        with file.open("rb") as opened:
            data = opened.read(left + 1)
        if len(data) > left:
            fail(
                Exit.INVALID, f"{file} and the files before it have more than {MAX_SIZE_BYTES} bytes. Nothing was sent."
            )
        try:
            texts[path] = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            fail(Exit.INVALID, f"{file} is not UTF-8 from byte {error.start}. Nothing was sent.")
        names[path] = str(file)
        left -= len(data)
    if not texts:
        fail(Exit.INVALID, f"there is no .proto file in {', '.join(map(str, paths))}. Nothing was sent.")
    return ContractFiles(texts, names)


def _files(given: Path) -> Iterator[tuple[str, Path]]:
    if given.is_dir():
        yield from ((file.relative_to(given).as_posix(), file) for file in sorted(given.rglob("*.proto")))
    else:
        yield given.name if given.is_absolute() or ".." in given.parts else given.as_posix(), given


def _no_reference(text: str) -> re.Match[str]:
    fail(Exit.INVALID, f"{text} is no reference; write NAME=CONTRACT@VERSION. Nothing was sent.")
