"""Which revision may follow which."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from chartly import engine
from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.registry import evolution
from chartly.registry.errors import (
    FieldsNeedKey,
    IncompatibleChange,
    ProfileExists,
    ProfileNotFound,
    RevisionConflict,
    VersionTooLow,
)
from chartly.registry.evolution import Revision

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BASE = """
profile_id: shop-orders
source: {file: {path: orders.csv}}
dims:
  order_id: {type: string, required: true}
  shop: {type: string, enum: [MI01, RM01]}
measures:
  amount: {type: number}
primary_key: [order_id]
"""


def a_draft(*changes: tuple[str, str]) -> Profile:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return engine.parse_profile(text.encode())


def versioned(version: str) -> tuple[str, str]:
    return "profile_id: shop-orders", f"profile_id: shop-orders\nversion: {version}"


WIDER = ("[MI01, RM01]", "[MI01, MI02, RM01]")
TEXT_AMOUNT = ("amount: {type: number}", "amount: {type: string}")
NO_AMOUNT = ("measures:\n  amount: {type: number}\n", "")
NO_KEY = ("primary_key: [order_id]\n", "")


def create(draft: Profile, history: list[Revision] | None = None) -> Revision:
    return evolution.create(history or [], draft, create_time=NOW)


def update(history: list[Revision], draft: Profile, base_revision: int = 0) -> Revision:
    return evolution.update(history, draft, base_revision=base_revision, create_time=NOW)


def deleted(revision: Revision) -> Revision:
    return Revision(
        revision.profile, revision.revision, revision.digest, revision.create_time, revision.changes, deleted=True
    )


def test_the_first_revision_has_version_1_0_0_unless_it_says_another() -> None:
    first = create(a_draft())
    assert (first.revision, first.version, first.changes) == (1, "1.0.0", ())
    assert create(a_draft(versioned("0.3.1"))).version == "0.3.1"


def test_the_digest_is_that_of_the_profile_with_its_version() -> None:
    first = create(a_draft())
    assert first.digest == engine.message_digest(a_draft(versioned("1.0.0"))) == create(first.profile).digest
    assert first.digest != engine.message_digest(a_draft())


def test_a_profile_is_created_once() -> None:
    with pytest.raises(ProfileExists):
        create(a_draft(), [create(a_draft())])


def test_a_change_takes_the_smallest_version_that_it_may() -> None:
    first = create(a_draft())
    wider = update([first], a_draft(WIDER))
    assert (wider.revision, wider.version, wider.changes) == (2, "1.1.0", ("enum widened: shop",))
    assert update([wider], a_draft()).version == "2.0.0"
    assert (
        update([first], a_draft(("profile_id: shop-orders", "profile_id: shop-orders\nowner: me"))).version == "1.0.1"
    )


def test_what_is_equal_to_the_latest_adds_nothing() -> None:
    first = create(a_draft())
    assert update([first], a_draft()) is first
    assert update([first], first.profile) is first
    assert update([first], a_draft(("primary_key", "write_disposition: merge\nprimary_key"))) is first


def test_a_repeated_update_is_no_conflict() -> None:
    first = create(a_draft())
    second = update([first], a_draft(WIDER), base_revision=1)
    assert update([second], a_draft(WIDER), base_revision=1) is second


def test_an_update_rejects_a_stale_base_revision() -> None:
    second = update([create(a_draft())], a_draft(WIDER))
    with pytest.raises(RevisionConflict, match="is at revision 2, not 1; read it and retry") as caught:
        update([second], a_draft(), base_revision=1)
    assert caught.value.metadata == {"profile_id": "shop-orders", "base_revision": "1", "latest_revision": "2"}


@pytest.mark.parametrize("version", ["1.0.0", "1.0.9", "0.9.0"])
def test_a_version_below_what_the_change_asks_for_is_refused(version: str) -> None:
    with pytest.raises(VersionTooLow, match=r"the smallest that may follow is 1\.1\.0") as caught:
        update([create(a_draft())], a_draft(WIDER, versioned(version)))
    assert caught.value.metadata == {"version": version, "smallest": "1.1.0"}


def test_a_higher_version_than_needed_is_taken() -> None:
    first = create(a_draft())
    assert update([first], a_draft(WIDER, versioned("3.0.0"))).version == "3.0.0"
    raised = update([first], a_draft(versioned("1.2.0")))
    assert (raised.version, raised.changes) == ("1.2.0", ("version 1.0.0 -> 1.2.0",))


def test_an_unchanged_profile_cannot_go_back() -> None:
    second = update([create(a_draft())], a_draft(WIDER))
    with pytest.raises(VersionTooLow, match=r"the smallest that may follow is 1\.1\.0"):
        update([second], a_draft(WIDER, versioned("1.0.0")))


def test_a_type_cannot_change_and_neither_can_the_key() -> None:
    with pytest.raises(IncompatibleChange, match="type of amount changed from number to string"):
        update([create(a_draft())], a_draft(TEXT_AMOUNT))
    with pytest.raises(IncompatibleChange, match="primary_key"):
        update([create(a_draft())], a_draft(NO_KEY))


def test_a_type_of_a_field_that_was_taken_out_still_binds() -> None:
    first = create(a_draft())
    without = update([first], a_draft(NO_AMOUNT))
    assert without.version == "2.0.0"
    with pytest.raises(IncompatibleChange, match="type of amount changed"):
        update([first, without], a_draft(TEXT_AMOUNT))
    assert update([first, without], a_draft()).version == "2.1.0"


def test_fields_change_only_where_a_key_tells_records_by() -> None:
    keyless = create(a_draft(NO_KEY))
    with pytest.raises(FieldsNeedKey, match=r"fields changed \(amount\)") as caught:
        update([keyless], a_draft(NO_KEY, NO_AMOUNT))
    assert caught.value.metadata == {"profile_id": "shop-orders", "fields": "amount"}


def test_a_deleted_profile_is_not_there_to_update() -> None:
    with pytest.raises(ProfileNotFound):
        update([deleted(create(a_draft()))], a_draft(WIDER))
    with pytest.raises(ProfileNotFound):
        update([], a_draft())


def test_a_deleted_profile_goes_on_where_it_ended() -> None:
    gone = deleted(create(a_draft()))
    back = create(a_draft(WIDER), [gone])
    assert (back.revision, back.version, back.deleted) == (2, "1.1.0", False)
    same = create(a_draft(), [gone])
    assert (same.revision, same.version, same.deleted) == (1, "1.0.0", False)
    with pytest.raises(IncompatibleChange):
        create(a_draft(TEXT_AMOUNT), [gone])


def test_a_preview_is_what_saving_would_make() -> None:
    first = create(a_draft())
    assert evolution.preview([], a_draft(), create_time=NOW) == first
    assert evolution.preview([first], a_draft(WIDER), create_time=NOW) == update([first], a_draft(WIDER))
    assert evolution.preview([deleted(first)], a_draft(), create_time=NOW) == first
