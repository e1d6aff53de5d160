"""The REST routes of the contracts: what `google.api.http` says, and which field of a request travels where."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chartly.tools.gen.image import Image
from chartly.tools.gen.reference import Options
from chartly.tools.schema_gen.openapi_comments import comments_of
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

HTTP_BODY = "google.api.HttpBody"
# Messages that a query parameter carries as one text.
TEXTS = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"})
_RETRY_SAFE = (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)
_DEFAULT_SECONDS = 30
_MEDIA_TYPE = re.compile(r"`([a-z*]+/[a-z0-9.+*-]+)`")


@dataclass(frozen=True)
class Route:
    """A REST route: `GET /api/runs/{run_id}`.

    comment: of its method, as paragraphs.
    comments: of all fields, by full name.
    parameters: path in the request (`window.start_time`), field and place of each parameter.
    body: field that is the body, or none if all that is left of the request is; `has_body` says whether there is one.
    answer: field that is the answer, or none if the whole response is.
    """

    method: MethodDescriptor
    verb: str
    path: str
    permission: str
    comment: str
    comments: Mapping[str, str]
    retry_safe: bool
    deadline_seconds: int
    parameters: tuple[tuple[str, FieldDescriptor, str], ...]
    has_body: bool
    body: FieldDescriptor | None
    answer: FieldDescriptor | None

    @property
    def service(self) -> str:
        """Name of its service, without the package."""
        return str(self.method.containing_service.name)

    @property
    def in_path(self) -> frozenset[str]:
        """Names of the fields that stand in the path."""
        return frozenset(name for name, _, place in self.parameters if place == "path")

    @property
    def raw_body(self) -> bool:
        """Whether the body arrives as it is."""
        return self.body is not None and is_http_body(self.body.message_type)

    @property
    def raw_answer(self) -> bool:
        """Whether the answer is a file or a stream, and no message."""
        return is_http_body(self.method.output_type)

    @property
    def document(self) -> Descriptor | None:
        """The message that the raw body is as JSON or YAML: the one that could come instead of it, as a message."""
        oneof = self.body.containing_oneof if self.body is not None else None
        others = (
            [field for field in oneof.fields if "as a message" in self.comments[field.full_name].lower()]
            if oneof
            else []
        )
        return message_of(others[0]) if others else None

    def body_types(self) -> list[str]:
        """Return the media types of the body that the contract names."""
        if not self.raw_body or self.body is None:
            return ["application/json"]
        return _media_types(self.body.full_name, self.comments[self.body.full_name])

    def answer_types(self) -> list[str]:
        """Return the media types of the answer that the contract names."""
        return _media_types(self.method.full_name, self.comment) if self.raw_answer else ["application/json"]


def routes_of(image: Image) -> Iterator[Route]:
    """Yield the route of each method that has one, in the order of the contracts."""
    pool, options, comments = image.pool(), Options(image), comments_of(image)
    for file in image.own_files():
        for service in file.service:
            for method in service.method:
                found = pool.FindServiceByName(f"{file.package}.{service.name}").methods_by_name[method.name]
                if verb := options.of(method)["http"].WhichOneof("pattern"):
                    yield _route(found, verb, options.of(method), method.options.idempotency_level, comments)


def is_http_body(message: Descriptor | None) -> bool:
    """Return whether a message stands for raw bytes."""
    return message is not None and message.full_name == HTTP_BODY


def message_of(field: FieldDescriptor) -> Descriptor:
    """Return the message that a field holds."""
    assert field.message_type is not None, field.full_name
    return field.message_type


def _route(
    method: MethodDescriptor, verb: str, said: Mapping[str, Any], level: int, comments: Mapping[str, str]
) -> Route:
    rule, request = said["http"], method.input_type
    path = getattr(rule, verb)
    named = re.findall(r"\{(\w+)\}", path)
    body = request.fields_by_name[rule.body] if rule.body not in ("", "*") else None
    inside = () if rule.body == "*" else tuple(_query(request, {*named, rule.body}, body))
    return Route(
        method=method,
        verb=verb,
        path=path,
        permission=said["permission"],
        comment=comments[method.full_name],
        comments=comments,
        retry_safe=level in _RETRY_SAFE,
        deadline_seconds=said["deadline_seconds"] or _DEFAULT_SECONDS,
        parameters=(*((name, request.fields_by_name[name], "path") for name in named), *inside),
        has_body=bool(rule.body),
        body=body,
        answer=method.output_type.fields_by_name[rule.response_body] if rule.response_body else None,
    )


def _query(
    message: Descriptor, elsewhere: set[str], body: FieldDescriptor | None, prefix: str = ""
) -> Iterator[tuple[str, FieldDescriptor, str]]:
    for field in message.fields:
        instead_of_body = body is not None and body.containing_oneof and field.containing_oneof is body.containing_oneof
        if field.name in elsewhere or instead_of_body:
            continue
        if field.message_type is None or field.message_type.full_name in TEXTS:
            yield prefix + field.name, field, "query"
        elif not field.is_repeated:  # a list of messages has no form in a query
            yield from _query(field.message_type, set(), None, f"{prefix}{field.name}.")


def _media_types(name: str, comment: str) -> list[str]:
    found = list(dict.fromkeys(_MEDIA_TYPE.findall(comment)))
    if not found:
        raise ValueError(f"{name}: its comment names no media type, as in `text/csv`")
    return found
