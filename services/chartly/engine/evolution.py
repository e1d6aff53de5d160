"""What changed between two revisions of a profile, whether the dataset can follow, and the version it takes.

A change that keeps every earlier record and reader valid is minor, one that may refuse records or change what a value
means is major, and one that touches no value is a patch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from chartly.api.profile.v1 import profile_pb2
from chartly.engine.errors import FieldsNeedKey, IncompatibleChange
from chartly.engine.plan import Column, Plan, compile_profile


class Bump(IntEnum):
    """The part of a semantic version that a change raises."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in words as `enum widened: state`, and the part of the version that it raises."""

    text: str
    bump: Bump


@dataclass(frozen=True, slots=True)
class Evolution:
    """All changes between two revisions."""

    changes: tuple[Change, ...]

    @property
    def bump(self) -> Bump:
        """The part of the version that the changes raise together."""
        return max((change.bump for change in self.changes), default=Bump.NONE)

    @property
    def is_compatible(self) -> bool:
        """Whether every earlier record and reader stays valid."""
        return self.bump < Bump.MAJOR

    def version_after(self, version: str) -> str:
        """Return the smallest version that may follow a version."""
        return next_version(version, self.bump)


def next_version(version: str, bump: Bump) -> str:
    """Return the smallest version that raises a part of a version; the version itself for none."""
    major, minor, patch = parse_version(version)
    match bump:
        case Bump.MAJOR:
            return f"{major + 1}.0.0"
        case Bump.MINOR:
            return f"{major}.{minor + 1}.0"
        case Bump.PATCH:
            return f"{major}.{minor}.{patch + 1}"
    return version


def parse_version(version: str) -> tuple[int, int, int]:
    """Return the three numbers of a semantic version, so that versions compare."""
    major, minor, patch = version.split(".")
    return int(major), int(minor), int(patch)


def compare(
    previous: profile_pb2.Profile, draft: profile_pb2.Profile, *, earlier: Sequence[profile_pb2.Profile] = ()
) -> Evolution:
    """Return what changed from the previous revision to the draft; `version` itself is no change.

    Args:
        earlier: revisions before the previous one; their columns are still in the dataset, so their types bind too.

    Raises:
        IncompatibleChange: a column's type, or the primary key, changed.
        FieldsNeedKey: the fields changed, and there is no primary key.
    """
    before, after = compile_profile(previous), compile_profile(draft)
    _refuse_conflicts([*map(compile_profile, earlier), before], after)
    _refuse_keyless(before, after)
    return Evolution(
        (*_dataset_changes(before, after), *_field_changes(before, after), *_other_changes(previous, draft))
    )


def _refuse_conflicts(history: Sequence[Plan], after: Plan) -> None:
    types = {column.name: _type_text(column) for plan in history for column in plan.columns}
    conflicts = [
        f"type of {column.name} changed from {types[column.name]} to {_type_text(column)}"
        for column in after.columns
        if types.get(column.name, _type_text(column)) != _type_text(column)
    ]
    if history[-1].primary_key != after.primary_key:
        conflicts.append(f"primary_key changed from {_names(history[-1].primary_key)} to {_names(after.primary_key)}")
    if conflicts:
        raise IncompatibleChange(conflicts)


def _refuse_keyless(before: Plan, after: Plan) -> None:
    if not after.primary_key and (changed := _membership(before) ^ _membership(after)):
        raise FieldsNeedKey(sorted({name for name, _ in changed}))


def _membership(plan: Plan) -> set[tuple[str, str]]:
    return {(column.name, column.kind) for column in plan.inputs}


def _type_text(column: Column) -> str:
    return f"decimal of scale {column.scale}" if column.type == "decimal" else column.type


def _names(key: tuple[str, ...]) -> str:
    return f"[{', '.join(key)}]"


def _dataset_changes(before: Plan, after: Plan) -> Iterator[Change]:
    if before.write_disposition != after.write_disposition:
        yield Change(f"write_disposition {before.write_disposition} -> {after.write_disposition}", Bump.MAJOR)


def _field_changes(before: Plan, after: Plan) -> Iterator[Change]:
    old, new = ({column.name: column for column in plan.inputs} for plan in (before, after))
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield Change(f"field removed: {name}", Bump.MAJOR)
        elif name not in old:
            yield Change(f"field added: {name}", Bump.MINOR)
        else:
            yield from _column_changes(old[name], new[name])


def _column_changes(old: Column, new: Column) -> Iterator[Change]:
    name = new.name
    for attribute in ("kind", "source", "format", "time_zone", "unit", "pattern", "default", "severity"):
        if getattr(old, attribute) != getattr(new, attribute):
            yield Change(f"{attribute} changed: {name}", Bump.MAJOR)
    if old.required != new.required:
        yield (
            Change(f"required now: {name}", Bump.MAJOR) if new.required else Change(f"optional now: {name}", Bump.MINOR)
        )
    if set(old.enum) != set(new.enum):
        yield _widening("enum", name, wider=not new.enum or (bool(old.enum) and set(old.enum) <= set(new.enum)))
    for bound, sign in (("minimum", 1), ("maximum", -1)):
        was, now = getattr(old, bound), getattr(new, bound)
        if was != now:
            yield _widening(bound, name, wider=now is None or (was is not None and sign * now < sign * was))
    for attribute in ("null_values", "replace"):
        was, now = set(getattr(old, attribute)), set(getattr(new, attribute))
        if was != now:
            yield _widening(attribute, name, wider=was <= now)
    if old.description != new.description:
        yield Change(f"description changed: {name}", Bump.PATCH)


def _widening(what: str, name: str, *, wider: bool) -> Change:
    return Change(f"{what} widened: {name}", Bump.MINOR) if wider else Change(f"{what} narrowed: {name}", Bump.MAJOR)


def _other_changes(previous: profile_pb2.Profile, draft: profile_pb2.Profile) -> Iterator[Change]:
    told = {"version", "dims", "measures", "observed_at", "primary_key", "write_disposition"}
    for descriptor in profile_pb2.Profile.DESCRIPTOR.fields:
        if descriptor.name not in told and getattr(previous, descriptor.name) != getattr(draft, descriptor.name):
            yield Change(f"{descriptor.name} changed", Bump.PATCH)
