"""The profile of a preview, from the request's body or message."""

from __future__ import annotations

import asyncio

from chartly import engine
from chartly.api.coordinator.v1 import coordinator_pb2 as pb
from chartly.api.profile.v1 import profile_pb2
from chartly.coordinator.errors import InvalidProfile
from chartly.runtime.bodies import check_size, syntax_of


async def profile_of(request: pb.PreviewProfileRequest) -> profile_pb2.Profile:
    """Return the profile that a request holds, checked.

    Raises:
        BodyTooLarge: it has more bytes than are read.
        UnsupportedMediaType: the body is neither JSON nor YAML.
        InvalidProfile: with every problem of the profile.
    """
    is_document = request.HasField("body")
    check_size(len(request.body.data) if is_document else request.profile.ByteSize(), engine.MAX_SIZE_BYTES)
    try:
        return await asyncio.to_thread(_read, request)
    except engine.InvalidDocument as error:
        raise InvalidProfile([str(p) if is_document else p.message for p in error.problems], error.problems) from None


def _read(request: pb.PreviewProfileRequest) -> profile_pb2.Profile:
    if request.HasField("body"):
        return engine.parse_profile(request.body.data, syntax_of(request.body.content_type, request.body.data))
    engine.check_profile(request.profile)
    return request.profile
