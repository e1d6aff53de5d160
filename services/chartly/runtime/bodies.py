"""Documents that come as raw bodies: how large they may be, and in which syntax they are written."""

from __future__ import annotations

from typing import Literal

from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.runtime.errors import ChartlyError
from grpc import StatusCode

Syntax = Literal["json", "yaml"]
_SYNTAXES: dict[str, Syntax] = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
}
_EXPECTED = "application/json, application/yaml"


class BodyTooLarge(ChartlyError):
    """The body is larger than the route takes."""

    code = StatusCode.RESOURCE_EXHAUSTED
    reason = ErrorReason.ERROR_REASON_BODY_TOO_LARGE

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"the body has {size_bytes} bytes, and at most {limit_bytes} are taken. Nothing was saved.",
            size_bytes=size_bytes,
            limit_bytes=limit_bytes,
        )


class UnsupportedMediaType(ChartlyError):
    """The body's media type is none that the route reads."""

    code = StatusCode.INVALID_ARGUMENT
    reason = ErrorReason.ERROR_REASON_UNSUPPORTED_MEDIA_TYPE

    def __init__(self, content_type: str, expected: str) -> None:
        super().__init__(
            f"a body of content-type {content_type} is not read here; send one of {expected}. Nothing was saved.",
            content_type=content_type,
            expected=expected,
        )


def check_size(size_bytes: int, limit_bytes: int) -> None:
    """Refuse a body beyond its limit.

    Raises:
        BodyTooLarge: there are more bytes than the limit.
    """
    if size_bytes > limit_bytes:
        raise BodyTooLarge(size_bytes, limit_bytes)


def syntax_of(content_type: str, data: bytes) -> Syntax:
    """Return the syntax that a media type names; without one, JSON for a body that begins with a brace, else YAML.

    Raises:
        UnsupportedMediaType: the media type is that of neither.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type:
        return "json" if data.lstrip()[:1] == b"{" else "yaml"
    if media_type not in _SYNTAXES:
        raise UnsupportedMediaType(media_type, _EXPECTED)
    return _SYNTAXES[media_type]
