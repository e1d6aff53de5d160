"""The REST routes of the mesh, found in its contracts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from chartly.runtime.contracts import MethodContract, contract_of, path_of
from chartly.runtime.settings import PORTS
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor

NAMES = {"index": "1000000", "version": "7", "digest": "sha256:" + "0" * 64}


@dataclass(frozen=True)
class Route:
    """A route, as in `GET /api/runs/{run_id}`, and what its method says about itself."""

    verb: str
    template: str
    contract: MethodContract
    follows: bool

    def __str__(self) -> str:
        return f"{self.verb} {self.template}"

    @property
    def path(self) -> str:
        """The path with names of nothing that is there."""
        return re.sub(r"\{(\w+)\}", lambda name: NAMES.get(name[1], "nothing"), self.template)

    @property
    def is_open(self) -> bool:
        """Whether a viewer may call it."""
        permission = self.contract.permission
        return not permission or (permission.endswith(".read") and permission != "auth.keys.read")


def routes() -> Iterator[Route]:
    """Return every route."""
    for name in PORTS:
        for service in import_module(f"chartly.api.{name}.v1.{name}_pb2").DESCRIPTOR.services_by_name.values():
            yield from filter(None, map(_route, service.methods))


def _route(method: MethodDescriptor) -> Route | None:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    contract = contract_of(path_of(method))
    return Route(verb.upper(), getattr(rule, verb), contract, contract.follows) if verb else None
