"""Profiles out of requests, where they come as documents or as messages."""

from __future__ import annotations

import asyncio

from chartly import engine
from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.registry.errors import InvalidProfile
from chartly.runtime.bodies import check_size, syntax_of

Request = pb.CreateProfileRequest | pb.UpdateProfileRequest | pb.ValidateProfileRequest


async def profile_of(request: Request) -> Profile:
    """Return the profile of a request.

    Raises:
        BodyTooLarge: it has more bytes than are read.
        UnsupportedMediaType: the body is neither JSON nor YAML.
        InvalidProfile: with every problem of the profile.
    """
    check_size(_size_bytes(request), engine.MAX_SIZE_BYTES)
    try:
        # A large document takes a second; the loop goes on meanwhile.
        return await asyncio.to_thread(_read, request)
    except engine.InvalidDocument as error:
        raise InvalidProfile(error.problems) from None


def check_name(profile: Profile, profile_id: str) -> None:
    """Refuse a profile that is not the one the request names.

    Raises:
        InvalidProfile: the names differ.
    """
    if profile.profile_id != profile_id:
        message = f'profile_id is "{profile.profile_id}", and the request names "{profile_id}"'
        raise InvalidProfile([engine.Problem(0, 0, "profile_id", "PROFILE_ID_DIFFERS", message)])


def _size_bytes(request: Request) -> int:
    return len(request.body.data) if request.HasField("body") else request.profile.ByteSize()


def _read(request: Request) -> Profile:
    if request.HasField("body"):
        return engine.parse_profile(request.body.data, syntax_of(request.body.content_type, request.body.data))
    try:
        engine.check_profile(request.profile)
    except engine.InvalidDocument as error:
        raise engine.InvalidDocument([_placeless(problem) for problem in error.problems]) from None
    return request.profile


def _placeless(problem: engine.Problem) -> engine.Problem:
    return engine.Problem(0, 0, problem.path, problem.reason, problem.message)
