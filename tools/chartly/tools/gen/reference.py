"""Reference pages made from the contracts' comments and options: every error reason, every method."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import EnumDescriptorProto, FileDescriptorProto, MethodDescriptorProto

from chartly.tools.gen.image import Image

ENUMS, ENUM_VALUES, SERVICES, METHODS = 5, 2, 6, 2  # field numbers that make a comment's path, see descriptor.proto
_REASON = re.compile(r"(?P<meaning>.*?)(?: Code (?P<code>[A-Z_]+)\.)? (?P<metadata>\{.*\})")
_REPEATABLE = {0: "no", 1: "yes, it only reads", 2: "yes"}  # by idempotency_level


class Reason(NamedTuple):
    """What the contracts say about an error's reason.

    name: as on the wire, `ERROR_REASON_RUN_NOT_FOUND`.
    code: gRPC code that it comes with; empty for a reason of a run.
    metadata: an example, as JSON.
    """

    name: str
    code: str
    meaning: str
    metadata: str


def errors_page(image: Image) -> str:
    """Return the page of error reasons, with the code and an example of the metadata of each."""
    rows = (
        (f"`{name}`", f"`{code}`" if code else "of a run, not of a call", meaning, f"`{metadata}`")
        for name, code, meaning, metadata in reasons(image)
    )
    return _page("Error reasons", _table(("reason", "code", "meaning", "metadata, for example"), rows))


def reasons(image: Image) -> Iterator[Reason]:
    """Yield every reason, in the order of its enum.

    Raises:
        ValueError: a comment is not of the form that all have.
    """
    for file in image.own_files():
        for index, enum in enumerate(file.enum_type):
            if enum.name == "ErrorReason":
                yield from _reasons(enum, Comments(file), index)


def methods_page(image: Image) -> str:
    """Return the page of methods, by service: route, permission, what the ledger records, and whether a retry is safe."""
    options = Options(image)
    return _page("Methods", "\n".join(_service_sections(image, options)))


def made_from(source: str) -> str:
    """Return the first lines of a generated page."""
    return f"<!-- Made by `make gen` from {source}; edits are overwritten. -->\n\n"


class Comments:
    """The comments of one file, by their path in its descriptor."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._by_path = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}

    def at(self, *path: int) -> str:
        """Return the comment as one paragraph, without what it tells buf."""
        lines = (line.strip() for line in self._by_path.get(path, "").splitlines())
        return " ".join(line for line in lines if line and not line.startswith("buf:lint:ignore"))


class Options:
    """Reads the options of methods from the image itself, so that the page never follows older stubs."""

    def __init__(self, image: Image) -> None:
        self._pool = image.pool()
        self._method_options = message_factory.GetMessageClass(
            self._pool.FindMessageTypeByName("google.protobuf.MethodOptions")
        )

    def of(self, method: MethodDescriptorProto) -> dict[str, Any]:
        """Return the options that we wrote, by the last part of their name."""
        options = self._method_options.FromString(method.options.SerializeToString())
        names = ("permission", "public", "audit", "deadline_seconds")
        ours = {name: options.Extensions[self._extension(f"chartly.api.options.v1.{name}")] for name in names}
        return ours | {"http": options.Extensions[self._extension("google.api.http")]}

    def _extension(self, name: str) -> Any:
        return self._pool.FindExtensionByName(name)


def _service_sections(image: Image, options: Options) -> Iterator[str]:
    for file in image.own_files():
        comments = Comments(file)
        for index, service in enumerate(file.service):
            yield f"## {file.package}.{service.name}\n\n{comments.at(SERVICES, index)}\n"
            rows = (
                (f"`{method.name}`", comments.at(SERVICES, index, METHODS, position), *_method_cells(method, options))
                for position, method in enumerate(service.method)
            )
            yield _table(("method", "what it does", "route", "permission", "audit", "retry is safe"), rows)


def _method_cells(method: MethodDescriptorProto, options: Options) -> tuple[str, ...]:
    chosen = options.of(method)
    return (
        "<br>".join(_routes(chosen["http"])),
        f"`{chosen['permission']}`" if chosen["permission"] else f"public: {chosen['public']}",
        f"`{chosen['audit'].action}`" if chosen["audit"].action else f"none: {chosen['audit'].reason}",
        _REPEATABLE[method.options.idempotency_level],
    )


def _routes(rule: Any) -> Iterator[str]:
    verb = rule.WhichOneof("pattern")
    if verb is not None:
        path = getattr(rule, verb)
        yield f"`{path.kind} {path.path}`" if verb == "custom" else f"`{verb.upper()} {path}`"
    for more in rule.additional_bindings:
        yield from _routes(more)


def _reasons(enum: EnumDescriptorProto, comments: Comments, index: int) -> Iterator[Reason]:
    for position, value in enumerate(enum.value):
        if value.number == 0:
            continue
        parts = _REASON.fullmatch(comments.at(ENUMS, index, ENUM_VALUES, position))
        if parts is None:
            raise ValueError(f"{value.name}: its comment is not `MEANING. [Code CODE.] {{METADATA}}`")
        yield Reason(value.name, parts["code"] or "", parts["meaning"], parts["metadata"])


def _page(title: str, body: str) -> str:
    return f"{made_from('proto/')}# {title}\n\n{body}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, tuple("---" for _ in head), *rows)
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
