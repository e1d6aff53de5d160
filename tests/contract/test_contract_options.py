"""Every method of the mesh says who may call it, what the ledger records, how it is reached and whether to retry."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from chartly.api.options.v1 import options_pb2
from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet, MethodDescriptorProto, MethodOptions

DESCRIPTORS = FileDescriptorSet.FromString(
    Path(__file__).parents[2].joinpath("gen/descriptors/chartly.binpb").read_bytes()
)
MESSAGES: dict[str, DescriptorProto] = {
    f".{file.package}.{message.name}": message for file in DESCRIPTORS.file for message in file.message_type
}
AREAS = {"aggregator", "analytics", "audit", "auth", "coordinator", "gateway", "registry", "reporter", "storage"}
# What rest.md has and this mesh does; a route outside these is not in the contracts yet.
ROUTES = re.compile(
    r"/health|/openapi\.json|/api/(status|events|records|analytics/(aggregate|correlate)"
    r"|(profiles|contracts|drones|work|results|runs|quarantine|datasets|artifacts|reports|auth/keys|audit/entries)([/:].*)?)"
)


class Method(NamedTuple):
    """One RPC of the mesh with what its options say."""

    area: str
    name: str
    proto: MethodDescriptorProto

    @property
    def options(self) -> MethodOptions:
        """Return the method's options."""
        return self.proto.options

    @property
    def audit(self) -> options_pb2.AuditOptions:
        """Return what the ledger records of a call."""
        return self.options.Extensions[options_pb2.audit]

    @property
    def request_fields(self) -> set[str]:
        """Return the names of the request's fields."""
        return {field.name for field in MESSAGES[self.proto.input_type].field}

    def routes(self) -> Iterator[http_pb2.HttpRule]:
        """Yield the REST routes of the method."""
        if self.options.HasExtension(annotations_pb2.http):
            rule = self.options.Extensions[annotations_pb2.http]
            yield rule
            yield from rule.additional_bindings


METHODS = [
    Method(file.package.split(".")[2], f"{service.name}.{method.name}", method)
    for file in DESCRIPTORS.file
    for service in file.service
    for method in service.method
]
each_method = pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])


def path_of(rule: http_pb2.HttpRule) -> tuple[str, str]:
    verb = rule.WhichOneof("pattern")
    assert verb is not None
    assert verb != "custom"
    return verb.upper(), str(getattr(rule, verb))


def test_the_descriptor_set_has_the_nine_services() -> None:
    assert {method.area for method in METHODS} == AREAS


@each_method
def test_method_has_a_permission_of_its_service_or_says_why_it_is_public(method: Method) -> None:
    permission = method.options.Extensions[options_pb2.permission]
    public = method.options.Extensions[options_pb2.public]
    assert bool(permission) != bool(public.strip())
    assert public or re.fullmatch(rf"{method.area}\.[a-z_]+\.[a-z_]+", permission)


@each_method
def test_method_says_what_the_ledger_records(method: Method) -> None:
    audit = method.audit
    if audit.level == options_pb2.AUDIT_LEVEL_LEAF:
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", audit.action)
        assert audit.resource
        assert not audit.reason
    else:
        assert audit.level == options_pb2.AUDIT_LEVEL_NONE
        assert audit.reason
        assert not audit.action
        assert not audit.resource


@each_method
def test_audited_resource_is_made_of_request_fields(method: Method) -> None:
    assert set(re.findall(r"\{([a-z_]+)\}", method.audit.resource)) <= method.request_fields


@each_method
def test_method_states_whether_a_retry_is_safe(method: Method) -> None:
    assert method.options.HasField("idempotency_level")
    reads = method.options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS
    assert not (reads and method.audit.level == options_pb2.AUDIT_LEVEL_LEAF), "a call that leaves a leaf has an effect"


@each_method
def test_a_get_only_reads(method: Method) -> None:
    for verb, path in map(path_of, method.routes()):
        if verb == "GET":
            assert method.options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS, path


@each_method
def test_route_is_of_this_mesh_and_names_request_fields(method: Method) -> None:
    for rule in method.routes():
        _, path = path_of(rule)
        assert ROUTES.fullmatch(path), path
        assert set(re.findall(r"\{([a-z_]+)[=}]", path)) <= method.request_fields
        assert rule.body in {"", "*"} | method.request_fields


@each_method
def test_list_pages(method: Method) -> None:
    if method.proto.name.startswith("List"):
        assert {"page_size", "page_token"} <= method.request_fields
        assert "next_page_token" in {field.name for field in MESSAGES[method.proto.output_type].field}


def test_no_two_methods_share_a_route() -> None:
    routes = Counter(
        (verb, re.sub(r"\{[^}]*\}", "{}", path)) for method in METHODS for verb, path in map(path_of, method.routes())
    )
    assert [route for route, count in routes.items() if count > 1] == []
