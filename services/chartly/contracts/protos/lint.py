"""What could be said better in proto files. None of it makes them wrong; the names of the rules are those of `buf lint`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from chartly.contracts.protos.files import CompiledProtos
from chartly.engine import Problem
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
_UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_Path = tuple[int, ...]


def lint_protos(protos: CompiledProtos) -> tuple[Problem, ...]:
    """Return what could be better, in the order of the files and places.

    The reasons are PACKAGE_DEFINED, the COMMENT_ and naming rules of buf, ENUM_ZERO_VALUE_SUFFIX, and NAME_COLLIDES for types
    whose names differ by case only.
    """
    return tuple(problem for file in protos.own_files() for problem in sorted(set(_Linter(file).problems())))


class _Linter:
    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file
        self._places = {tuple(place.path): place for place in file.source_code_info.location}

    def problems(self) -> Iterator[Problem]:
        file = self._file
        if not file.package:
            yield self._problem((), "PACKAGE_DEFINED", "say a package; without one all types share one space of names")
        yield from self._messages(file.message_type, (4,))
        yield from self._enums(file.enum_type, (5,))
        yield from self._colliding([*file.message_type, *file.enum_type])
        for index, service in enumerate(file.service):
            yield from self._described((6, index), "SERVICE", service.name)
            for number, method in enumerate(service.method):
                yield from self._described((6, index, 2, number), "RPC", method.name)

    def _messages(self, messages: Iterable[DescriptorProto], path: _Path) -> Iterator[Problem]:
        for index, message in enumerate(messages):
            if message.options.map_entry:
                continue
            place = (*path, index)
            yield from self._described(place, "MESSAGE", message.name)
            yield from self._named(place, "MESSAGE_PASCAL_CASE", message.name, _PASCAL)
            for number, field in enumerate(message.field):
                yield from self._described((*place, 2, number), "FIELD", field.name)
                yield from self._named((*place, 2, number), "FIELD_LOWER_SNAKE_CASE", field.name, _SNAKE)
            yield from self._messages(message.nested_type, (*place, 3))
            yield from self._enums(message.enum_type, (*place, 4))
            yield from self._colliding([*message.nested_type, *message.enum_type])

    def _enums(self, enums: Iterable[EnumDescriptorProto], path: _Path) -> Iterator[Problem]:
        for index, enum in enumerate(enums):
            place = (*path, index)
            yield from self._described(place, "ENUM", enum.name)
            yield from self._named(place, "ENUM_PASCAL_CASE", enum.name, _PASCAL)
            for number, value in enumerate(enum.value):
                yield from self._described((*place, 2, number), "ENUM_VALUE", value.name)
                yield from self._named((*place, 2, number), "ENUM_VALUE_UPPER_SNAKE_CASE", value.name, _UPPER_SNAKE)
                if value.number == 0 and not value.name.endswith("_UNSPECIFIED"):
                    message = f"zero is what nobody wrote; end its name {value.name} in _UNSPECIFIED"
                    yield self._problem((*place, 2, number), "ENUM_ZERO_VALUE_SUFFIX", message)

    def _described(self, path: _Path, what: str, name: str) -> Iterator[Problem]:
        place: Any = self._places.get(path)
        if place and not (place.leading_comments or place.trailing_comments):
            yield self._problem(path, f"COMMENT_{what}", f"say what {name} is, in a comment above it")

    def _named(self, path: _Path, rule: str, name: str, pattern: re.Pattern[str]) -> Iterator[Problem]:
        if not pattern.fullmatch(name):
            style = rule.partition("_")[2].removeprefix("VALUE_").lower().replace("_", " ")
            yield self._problem(path, rule, f"write {name} in {style}; generated code expects it")

    def _colliding(self, types: Iterable[DescriptorProto | EnumDescriptorProto]) -> Iterator[Problem]:
        seen: dict[str, str] = {}
        for one in types:
            if (other := seen.setdefault(one.name.lower(), one.name)) != one.name:
                message = f"{one.name} and {other} differ by case only; some languages make files of their names"
                yield self._problem((), "NAME_COLLIDES", message)

    def _problem(self, path: _Path, rule: str, message: str) -> Problem:
        place = self._places.get(path) if path else None
        line, column = (place.span[0] + 1, place.span[1] + 1) if place else (1, 1)
        return Problem(line, column, self._file.name, rule, message)
