"""The descriptor set that Envoy loads.

Envoy 1.40 refuses a service with a `response_body` that is no `google.api.HttpBody`, so this set is without them and
`envoy/envoy.yaml.j2` takes the field out of the answer itself.
"""

from typing import Any

from google.protobuf import message_factory

from chartly.tools.gen.image import Image


def edge_descriptors(image: Image) -> bytes:
    """Return the descriptor set with no `response_body` in any route."""
    pool = image.pool()
    http = pool.FindExtensionByName("google.api.http")
    descriptor_set = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FileDescriptorSet"))
    edge: Any = descriptor_set.FromString(image.bare)
    for method in (method for file in edge.file for service in file.service for method in service.method):
        if method.options.HasExtension(http):
            method.options.Extensions[http].ClearField("response_body")
    return bytes(edge.SerializeToString(deterministic=True))
