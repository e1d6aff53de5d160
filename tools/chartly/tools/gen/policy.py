"""How long each method may take and whether a client may repeat it, as a gRPC service config (gRFC A2, A6).

Every SDK takes its deadlines and its retries from this one file.
"""

import json
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import MethodDescriptorProto, MethodOptions

from chartly.runtime.clients import RETRY_POLICY
from chartly.runtime.contracts import DEFAULT_DEADLINE_SECONDS
from chartly.tools.gen.image import Image

_RETRY_SAFE = (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)


def service_config(image: Image) -> bytes:
    """Return the config as JSON: one entry for each deadline with and without retries, methods in the order of the contracts."""
    pool = image.pool()
    options: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
    deadline = pool.FindExtensionByName("chartly.api.options.v1.deadline_seconds")
    groups: dict[tuple[int, bool], list[dict[str, str]]] = {}
    for file in image.own_files():
        for service in file.service:
            for method in service.method:
                seconds: int = options.FromString(method.options.SerializeToString()).Extensions[deadline]
                name = {"service": f"{file.package}.{service.name}", "method": method.name}
                groups.setdefault((seconds or DEFAULT_DEADLINE_SECONDS, _is_retry_safe(method)), []).append(name)
    config = {"methodConfig": [_entry(names, *key) for key, names in sorted(groups.items())]}
    return (json.dumps(config, indent=2) + "\n").encode()


def _entry(names: list[dict[str, str]], seconds: int, retry_safe: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": names, "timeout": f"{seconds}s"}
    return entry | {"retryPolicy": RETRY_POLICY} if retry_safe else entry


def _is_retry_safe(method: MethodDescriptorProto) -> bool:
    return method.options.idempotency_level in _RETRY_SAFE
