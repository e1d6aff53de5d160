"""Artifacts: kept under their digest, checked when read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
from chartly.api.storage.v1 import storage_pb2 as pb
from chartly.storage.errors import ArtifactCorrupt, ArtifactNotFound, BodyTooLarge
from google.api.httpbody_pb2 import HttpBody


def digest_of(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


async def pieces(
    *contents: bytes, media_type: str = "text/plain", cut: bool = False
) -> AsyncIterator[pb.PutArtifactRequest]:
    for number, content in enumerate(contents):
        yield pb.PutArtifactRequest(body=HttpBody(content_type="" if number else media_type, data=content))
    if cut:
        raise ConnectionResetError


async def put(storage: Any, *contents: bytes, **options: Any) -> pb.Artifact:
    answer = await storage.servicer.PutArtifact(pieces(*contents, **options), storage.caller)
    artifact: pb.Artifact = answer.artifact
    return artifact


async def test_bytes_are_kept_under_their_digest(storage: Any) -> None:
    artifact = await put(storage, b"hello ", b"world")
    assert artifact == pb.Artifact(digest=digest_of(b"hello world"), size_bytes=11, media_type="text/plain")
    assert await storage.artifact(artifact.digest) == ("text/plain", b"hello world")
    assert storage.caller.resource == f"artifacts/{artifact.digest}"


async def test_the_same_bytes_are_kept_once_with_their_first_media_type(storage: Any) -> None:
    first = await put(storage, b"same")
    assert await put(storage, b"sa", b"me", media_type="text/html") == first
    assert len(storage.files()) == 1


async def test_an_artifact_may_be_empty_and_have_no_media_type(storage: Any) -> None:
    artifact = await put(storage, media_type="")
    assert await storage.artifact(artifact.digest) == ("application/octet-stream", b"")


async def test_an_artifact_of_several_pieces_arrives_whole(storage: Any) -> None:
    content = bytes(range(256)) * 4096
    artifact = await put(storage, content)
    request = pb.GetArtifactRequest(digest=artifact.digest)
    bodies = [body async for body in storage.servicer.GetArtifact(request, storage.caller)]
    assert b"".join(body.data for body in bodies) == content


async def test_too_large_a_body_is_refused_and_leaves_nothing(storage: Any) -> None:
    with pytest.raises(BodyTooLarge) as refused:
        await put(storage, b"x" * (1 << 20), b"x")
    assert refused.value.metadata == {"size_bytes": "1048577", "limit_bytes": "1048576"}
    assert storage.files() == []


async def test_an_upload_that_is_cut_leaves_nothing(storage: Any) -> None:
    with pytest.raises(ConnectionResetError):
        await put(storage, b"half", cut=True)
    assert storage.files() == []


async def test_what_is_not_there_is_not_found(storage: Any, of_tenant: Any) -> None:
    artifact = await put(storage, b"mine")
    for other, digest in ((storage, digest_of(b"other")), (of_tenant("stranger"), artifact.digest)):
        with pytest.raises(ArtifactNotFound):
            await other.artifact(digest)


async def test_what_was_changed_on_disk_is_not_answered(storage: Any) -> None:
    artifact = await put(storage, b"right")
    (storage.folder / storage.files()[0]).write_bytes(b"wrong")
    with pytest.raises(ArtifactCorrupt):
        await storage.artifact(artifact.digest)
    await put(storage, b"right")
    assert await storage.artifact(artifact.digest) == ("text/plain", b"right")


async def test_a_page_that_was_staged_under_a_wrong_digest_is_not_answered(storage: Any) -> None:
    request = await storage.stage("work", [], raw=[b"page"])
    next((storage.folder / "stages" / request.stage_id / "raw").iterdir()).write_bytes(b"PAGE")
    commit = await storage.commit(request)
    with pytest.raises(ArtifactCorrupt):
        await storage.artifact(commit.raw_pages[0].digest)
