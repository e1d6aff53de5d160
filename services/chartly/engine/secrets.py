"""Secrets in a profile: `${NAME}` names one that the operator declared; a secret written out is refused.

References stand only in the values of a source's `params` and `headers` and in its `auth`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chartly.api.profile.v1 import profile_pb2
from chartly.engine.binding import Binding, Path, path_text
from google.protobuf.message import Message

_REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_OPENING = re.compile(r"\$\{[^}]*\}?")
_TOKENS = re.compile(
    r"""
    \b(?:gh[oprsu]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,} | glpat-[A-Za-z0-9_-]{16,}
    | [rs]k_(?:live|test)_[A-Za-z0-9]{10,} | sk-[A-Za-z0-9_-]{20,} | xox[abeprs]-[A-Za-z0-9-]{10,} | chk_[A-Za-z0-9_-]{16,}
    | (?:AKIA|ASIA)[A-Z0-9]{16} | AIza[A-Za-z0-9_-]{30,} | npm_[A-Za-z0-9]{30,} | pypi-[A-Za-z0-9_-]{30,}
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY----- | (?i:\b(?:bearer|basic))\s+[A-Za-z0-9._~+/=-]{16,} | ^https?://[^/?\#@]*:[^/?\#@]+@
    """,
    re.VERBOSE,
)
_SECRET_KEY = re.compile(r"(?i)(^|[_-])(authorization|cookie|(api|access|auth)?[_-]?(key|token)|secret|password)$")
_MIN_SECRET_LENGTH = 16
_PROSE = frozenset(("name", "description", "owner", "tags"))


def check_secrets(profile: profile_pb2.Profile, binding: Binding) -> None:
    """Add a problem for each reference where none may stand, each malformed one, and each secret written out.

    Reasons: SECRET_WRITTEN_OUT, SECRET_MISPLACED, SECRET_MALFORMED. No message repeats the text of a secret.
    """
    for path, text in _texts(profile, ()):
        if _looks_secret(path, text):
            message = "looks like a secret written out; declare it and refer to it as ${NAME}"
            binding.report_at(path, "SECRET_WRITTEN_OUT", f"{_where(path)} {message}")
        elif path[0] not in _PROSE and path[-1] != "description":
            _check_references(path, text, binding)


def references(profile: profile_pb2.Profile) -> dict[str, tuple[str, ...]]:
    """Return the names of the secrets that a profile refers to, each with the dotted paths where it does."""
    found: dict[str, list[str]] = {}
    for path, text in _texts(profile, ()):
        if _may_refer(path):
            for name in _REFERENCE.findall(text):
                found.setdefault(name, []).append(_where(path))
    return {name: tuple(paths) for name, paths in sorted(found.items())}


def _check_references(path: Path, text: str, binding: Binding) -> None:
    for opening in _OPENING.findall(text):
        if not _REFERENCE.fullmatch(opening):
            if _may_refer(path):
                message = f"{_where(path)}: {opening} is no reference to a secret; write ${{NAME}} in capitals"
                binding.report_at(path, "SECRET_MALFORMED", message)
        elif not _may_refer(path):
            message = f"{opening} may stand only in params, headers and auth of http_rest, not in {_where(path)}"
            binding.report_at(path, "SECRET_MISPLACED", message)


def _may_refer(path: Path) -> bool:
    return path[:2] == ("source", "http_rest") and path[2] in ("params", "headers", "auth")


def _looks_secret(path: Path, text: str) -> bool:
    if _TOKENS.search(text):
        return True
    named = _may_refer(path) and path[2] != "auth" and _SECRET_KEY.search(str(path[3])) is not None
    literal = _OPENING.sub("", text)
    return named and max(map(len, literal.split()), default=0) >= _MIN_SECRET_LENGTH


def _texts(message: Message, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each text of a message with its path, keys of maps left out."""
    for descriptor, value in message.ListFields():
        here = path if _is_value(message) else (*path, descriptor.name)
        if descriptor.message_type is not None and descriptor.message_type.GetOptions().map_entry:
            for key in sorted(value):
                yield from _texts_of(value[key], (*here, key))
        elif descriptor.is_repeated:
            for index, item in enumerate(value):
                yield from _texts_of(item, (*here, index))
        else:
            yield from _texts_of(value, here)


def _texts_of(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Message):
        yield from _texts(value, path)
    elif isinstance(value, str):
        yield path, value


def _is_value(message: Message) -> bool:
    return message.DESCRIPTOR.file.name == "google/protobuf/struct.proto"


def _where(path: Path) -> str:

    return path_text(path)
