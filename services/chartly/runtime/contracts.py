"""What each method's options say, read from the descriptors."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache

from chartly.api.options.v1 import options_pb2
from chartly.runtime.errors import CannotStart
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

DEFAULT_DEADLINE_SECONDS = 30
# What streams that follow changes state as their deadline: a day.
FOLLOWING_SECONDS = 86400
_RETRY_SAFE = (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)


class ContractError(CannotStart):
    """A contract does not say what every method has to say, or a service does not keep it; the service refuses to start."""


@dataclass(frozen=True, slots=True)
class MethodContract:
    """What a method says about itself; `options.proto` has the meaning of each word.

    path: as on the wire, `/chartly.api.auth.v1.AuthService/CreateKey`.
    retry_safe: repeating a call changes nothing more, so that an unavailable service may be asked again.
    """

    path: str
    permission: str
    public: str
    leaf: bool
    action: str
    resource: str
    deadline_seconds: int
    retry_safe: bool
    client_streaming: bool
    server_streaming: bool

    @property
    def follows(self) -> bool:
        """Whether the method is a stream that follows changes until its caller has enough."""
        return self.server_streaming and self.deadline_seconds >= FOLLOWING_SECONDS


@cache
def contract_of(path: str) -> MethodContract:
    """Return the contract of the method at a path.

    Raises:
        KeyError: no loaded contract has that method.
    """
    service, _, method = path.strip("/").partition("/")
    return _contract(descriptor_pool.Default().FindServiceByName(service).methods_by_name[method])


def contracts_of(service: ServiceDescriptor) -> tuple[MethodContract, ...]:
    """Return the contracts of a service's methods, in their order.

    Raises:
        ContractError: a method has not exactly one of permission and public, or does not say how it is audited.
    """
    contracts = tuple(contract_of(path_of(method)) for method in service.methods)
    problems = [problem for method in service.methods for problem in _problems(method)]
    if problems:
        raise ContractError("; ".join(problems))
    return contracts


def methods_of(service: str) -> tuple[MethodContract, ...]:
    """Return the contracts of all methods of the service of a short name such as `auth`; none if it is not imported."""
    try:
        file = descriptor_pool.Default().FindFileByName(f"chartly/api/{service}/v1/{service}.proto")
    except KeyError:
        return ()
    return tuple(contract_of(path_of(method)) for own in file.services_by_name.values() for method in own.methods)


def path_of(method: MethodDescriptor) -> str:
    """Return a method's path as on the wire."""
    return f"/{method.containing_service.full_name}/{method.name}"


def service_of(servicer: object) -> ServiceDescriptor:
    """Return the service whose generated `…Servicer` class a servicer derives from."""
    for ancestor in type(servicer).__mro__:
        if ancestor.__module__.endswith("_pb2_grpc"):
            messages = importlib.import_module(ancestor.__module__.removesuffix("_grpc"))
            service: ServiceDescriptor = messages.DESCRIPTOR.services_by_name[
                ancestor.__name__.removesuffix("Servicer")
            ]
            return service
    raise ContractError(f"{type(servicer).__name__} derives from no generated servicer")


def _contract(method: MethodDescriptor) -> MethodContract:
    options = method.GetOptions()
    audit = options.Extensions[options_pb2.audit]
    return MethodContract(
        path=path_of(method),
        permission=options.Extensions[options_pb2.permission],
        public=options.Extensions[options_pb2.public],
        leaf=audit.level == options_pb2.AUDIT_LEVEL_LEAF,
        action=audit.action,
        resource=audit.resource,
        deadline_seconds=options.Extensions[options_pb2.deadline_seconds] or DEFAULT_DEADLINE_SECONDS,
        retry_safe=options.idempotency_level in _RETRY_SAFE,
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
    )


def _problems(method: MethodDescriptor) -> list[str]:
    options = method.GetOptions()
    audit = options.Extensions[options_pb2.audit]
    leaf, none = audit.level == options_pb2.AUDIT_LEVEL_LEAF, audit.level == options_pb2.AUDIT_LEVEL_NONE
    found = []
    if bool(options.Extensions[options_pb2.permission]) == bool(options.Extensions[options_pb2.public]):
        found.append(f"{method.full_name} needs a permission or public, and not both")
    if not (leaf or none):
        found.append(f"{method.full_name} does not say how it is audited")
    if leaf and not (audit.action and audit.resource):
        found.append(f"{method.full_name} is audited as a leaf and needs an action and a resource")
    if none and not audit.reason:
        found.append(f"{method.full_name} is not audited and needs a reason")
    return found
