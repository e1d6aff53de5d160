"""How long each method may take and which are retried, as the contracts say it (`service_config.json`)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FileDescriptor

_NAME = "service_config.json"
# Of a method that the policy does not know, for which its contract has the same default.
_DEADLINE_SECONDS = 30.0


def deadline_seconds(method: str) -> float:
    """Return how long a method may take, all attempts together: `/chartly.api.….Service/Method`."""
    return _deadlines().get(method, _DEADLINE_SECONDS)


@cache
def retries() -> str:
    """Return the policy as gRPC reads it, without the deadlines: there they would be limits that no caller could extend."""
    policy = _policy()
    for entry in policy["methodConfig"]:
        entry.pop("timeout", None)
    return json.dumps(policy)


@cache
def method_of(request: Descriptor) -> str:
    """Return the path of the method that takes a message: in the contracts each has a request of its own."""
    for service in _services(request.file):
        for method in service.methods:
            if method.input_type.full_name == request.full_name:
                return f"/{service.full_name}/{method.name}"
    raise LookupError(f"no method takes {request.full_name}")


def _services(file: FileDescriptor) -> list[Any]:
    return list(file.services_by_name.values())


@cache
def _deadlines() -> dict[str, float]:
    return {
        f"/{name['service']}/{name['method']}": float(entry["timeout"].removesuffix("s"))
        for entry in _policy()["methodConfig"]
        for name in entry["name"]
        if "timeout" in entry
    }


def _policy() -> dict[str, Any]:
    """The policy: beside this module in a wheel, in its own folder in a checkout."""
    packaged = Path(__file__).with_name(_NAME)
    path = packaged if packaged.exists() else Path(__file__).parents[4] / "gen" / "policy" / _NAME
    policy: dict[str, Any] = json.loads(path.read_text())
    return policy
