"""From a profile's text to the message, with everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chartly.api.profile.v1 import profile_pb2
from chartly.engine.binding import Binding, bind
from chartly.engine.document import Syntax, read_document
from chartly.engine.errors import InvalidDocument
from chartly.engine.secrets import check_secrets
from chartly.engine.semantics import check_semantics
from chartly.engine.violations import check_rules
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)
Check = Callable[[M, Binding], None]


def parse_profile(data: bytes, syntax: Syntax = "yaml") -> profile_pb2.Profile:
    """Return the profile that a YAML or JSON document describes.

    Raises:
        InvalidDocument: with every problem of the document, each with line, column, path and reason.
    """
    return parse_message(data, profile_pb2.Profile, syntax, before=check_secrets, after=check_semantics)


def check_profile(profile: profile_pb2.Profile) -> None:
    """Check a profile that came as a message; its problems stand at line 1, column 1.

    Raises:
        InvalidDocument: with every problem of the message.
    """
    binding = Binding()
    check_secrets(profile, binding)
    check_rules(profile, binding)
    check_semantics(profile, binding)
    if binding.problems:
        raise InvalidDocument(binding.problems)


def parse_message(
    data: bytes,
    kind: type[M],
    syntax: Syntax = "json",
    *,
    before: Check[M] | None = None,
    after: Check[M] | None = None,
) -> M:
    """Return the message of a kind that a document describes: no unknown key, every rule of `buf.validate` kept.

    Args:
        data: UTF-8, at most 1 MiB.
        before, after: checks that no rule can say; `before` goes first, so rules say nothing of paths it reported.

    Raises:
        InvalidDocument: with every problem of the document.
    """
    message = kind()
    binding = bind(read_document(data, syntax), message)
    for check in (before, check_rules, after):
        if check is not None:
            check(message, binding)
    if binding.problems:
        raise InvalidDocument(binding.problems)
    return message
