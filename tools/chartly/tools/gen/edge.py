"""The descriptor set that Envoy loads.

Envoy 1.40 refuses a service with a `response_body` that is no `google.api.HttpBody`, so this set is without them and
`envoy/envoy.yaml.j2` takes the field out of the answer itself.
"""

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet


def descriptors(contracts: bytes) -> bytes:
    """Return a descriptor set with no `response_body` in any route."""
    edge = FileDescriptorSet.FromString(contracts)
    methods = (method for file in edge.file for service in file.service for method in service.method)
    for method in methods:
        if method.options.HasExtension(annotations_pb2.http):
            method.options.Extensions[annotations_pb2.http].ClearField("response_body")
    return edge.SerializeToString(deterministic=True)
