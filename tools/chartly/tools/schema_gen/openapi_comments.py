"""The comments of the contracts by the full name of what they are about."""

from collections.abc import Iterator
from typing import Any

from chartly.tools.gen.image import Image

# Field numbers of descriptor.proto: what of a file, a message, an enum and a service has a comment of its own.
_PARTS: dict[str, tuple[tuple[str, int, str], ...]] = {
    "file": (("message_type", 4, "message"), ("enum_type", 5, "enum"), ("service", 6, "service")),
    "message": (
        ("field", 2, "leaf"),
        ("nested_type", 3, "message"),
        ("enum_type", 4, "enum"),
        ("oneof_decl", 8, "leaf"),
    ),
    "enum": (("value", 2, "leaf"),),
    "service": (("method", 2, "leaf"),),
    "leaf": (),
}


def comments_of(image: Image) -> dict[str, str]:
    """Return every comment, by full name, without what it tells buf; its lines stay lines."""
    return {name: text for file in image.own_files() for name, text in _comments(file)}


def _comments(file: Any) -> Iterator[tuple[str, str]]:
    by_path = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}

    def walk(parent: Any, kind: str, name: str, path: tuple[int, ...]) -> Iterator[tuple[str, str]]:
        for field, number, inner in _PARTS[kind]:
            for index, part in enumerate(getattr(parent, field)):
                place = (*path, number, index)
                yield f"{name}.{part.name}", _clean(by_path.get(place, ""))
                yield from walk(part, inner, f"{name}.{part.name}", place)

    yield from walk(file, "file", file.package, ())


def _clean(comment: str) -> str:
    lines = (line.strip() for line in comment.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("buf:lint:ignore"))
