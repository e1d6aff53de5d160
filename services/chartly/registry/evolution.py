"""Which revision may follow which.

Versions only rise, by at least what the change asks for; a profile that says no version takes the smallest. What the
dataset cannot follow is refused. A deleted profile that is created again goes on where it ended, for its dataset has stayed.

The history of a profile is the last revision of each of its major versions. That is enough to know every column that the
dataset has: a field is only taken out with a new major version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from chartly import engine
from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.registry.errors import (
    FieldsNeedKey,
    IncompatibleChange,
    ProfileExists,
    ProfileNotFound,
    RevisionConflict,
    VersionTooLow,
)

FIRST_VERSION = "1.0.0"


@dataclass(frozen=True)
class Revision:
    """A profile as it was saved, with its version.

    revision: its number, from 1.
    digest: `sha256:…` over the RFC 8785 JSON of the profile.
    changes: what changed since the revision before, in words.
    deleted: whether the profile has been deleted since.
    contract_digest: of the contract that its records meet; empty where the profile names none.
    """

    profile: Profile
    revision: int
    digest: str
    create_time: datetime
    changes: tuple[str, ...] = ()
    deleted: bool = False
    contract_digest: str = ""

    @property
    def profile_id(self) -> str:
        """Name of the profile."""
        return self.profile.profile_id

    @cached_property
    def version(self) -> str:
        """Semantic version of the revision."""
        return self.profile.version


def create(history: Sequence[Revision], draft: Profile, *, create_time: datetime) -> Revision:
    """Return the revision with which a profile begins, or goes on after it was deleted.

    Args:
        history: of that name, oldest first; empty for a new name.

    Raises:
        ProfileExists: there is a profile of that name.
        RevisionRefused: the revision cannot follow those before the deletion.
    """
    if not history:
        return _revision(draft, draft.version or FIRST_VERSION, 1, create_time)
    if not history[-1].deleted:
        raise ProfileExists(draft.profile_id)
    return replace(_follow(history, draft, create_time), deleted=False)


def update(history: Sequence[Revision], draft: Profile, *, base_revision: int, create_time: datetime) -> Revision:
    """Return the revision that follows the latest: the latest itself if nothing changes.

    Args:
        history: of that name, oldest first.
        base_revision: number of the revision that the caller read; 0 for whatever is the latest.

    Raises:
        ProfileNotFound: there is no profile of that name, or it has been deleted.
        RevisionConflict: the latest is not the one that the caller read.
        RevisionRefused: the revision cannot follow.
    """
    if not history or history[-1].deleted:
        raise ProfileNotFound(draft.profile_id)
    latest = history[-1]
    if _digest(draft, draft.version or latest.version) == latest.digest:
        return latest
    if base_revision not in (0, latest.revision):
        raise RevisionConflict(draft.profile_id, base_revision=base_revision, latest_revision=latest.revision)
    return _follow(history, draft, create_time)


def preview(history: Sequence[Revision], draft: Profile, *, create_time: datetime) -> Revision:
    """Return the revision that saving the draft would make, whether it creates or updates a profile.

    Raises:
        RevisionRefused: the revision cannot follow.
    """
    if not history or history[-1].deleted:
        return create(history, draft, create_time=create_time)
    return update(history, draft, base_revision=0, create_time=create_time)


def _follow(history: Sequence[Revision], draft: Profile, create_time: datetime) -> Revision:
    latest, evolution = history[-1], _compare(history, draft)
    changes = [change.text for change in evolution.changes]
    smallest = evolution.version_after(latest.version)
    version = draft.version or smallest
    if engine.parse_version(version) < engine.parse_version(smallest):
        raise VersionTooLow(version, smallest=smallest, changes=changes)
    if not changes and version == latest.version:
        return latest
    changes = changes or [f"version {latest.version} -> {version}"]
    return _revision(draft, version, latest.revision + 1, create_time, changes)


def _compare(history: Sequence[Revision], draft: Profile) -> engine.Evolution:
    *earlier, latest = (revision.profile for revision in history)
    try:
        return engine.compare(latest, draft, earlier=earlier)
    except engine.IncompatibleChange as refusal:
        raise IncompatibleChange(draft.profile_id, refusal.changes) from None
    except engine.FieldsNeedKey as refusal:
        raise FieldsNeedKey(draft.profile_id, refusal.fields) from None


def _revision(
    draft: Profile, version: str, number: int, create_time: datetime, changes: Sequence[str] = ()
) -> Revision:
    profile = _with_version(draft, version)
    return Revision(profile, number, engine.message_digest(profile), create_time, tuple(changes))


def _digest(draft: Profile, version: str) -> str:
    return engine.message_digest(_with_version(draft, version))


def _with_version(draft: Profile, version: str) -> Profile:
    profile = Profile()
    profile.CopyFrom(draft)
    profile.version = version
    return profile
