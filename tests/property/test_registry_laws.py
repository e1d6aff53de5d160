"""Laws of revisions: versions rise, numbers count, and saving the same again changes nothing."""

from datetime import UTC, datetime
from itertools import pairwise

from chartly import engine
from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.contracts import Finding
from chartly.contracts.rows.columns import row_schema
from chartly.contracts.schemas.changes import compare_schemas
from chartly.registry import evolution
from chartly.registry.errors import RevisionRefused, VersionTooLow
from chartly.registry.evolution import Revision
from hypothesis import example, given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NUMBERS = st.integers(0, 20)
VERSIONS = st.builds("{}.{}.{}".format, NUMBERS, NUMBERS, NUMBERS)


@st.composite
def drafts(draw: st.DrawFn) -> Profile:
    """Profiles that differ in what may change: fields, their rules, and words about them."""
    profile = Profile(profile_id="shop-orders", owner=draw(st.sampled_from(["", "ops", "finance"])))
    profile.source.file.path = draw(st.sampled_from(["a.csv", "b.csv"]))
    profile.primary_key.append("order_id")
    profile.dims["order_id"].type = "string"
    for name in draw(st.sets(st.sampled_from(["shop", "region", "channel"]))):
        profile.dims[name].type = draw(st.sampled_from(["string", "integer"]))
        profile.dims[name].required = draw(st.booleans())
    amount = profile.measures["amount"]
    amount.type = "number"
    for bound in ("minimum", "maximum"):
        if draw(st.booleans()):
            setattr(amount, bound, draw(st.integers(0, 2)) if bound == "minimum" else draw(st.integers(3, 5)))
    return profile


def save(history: list[Revision], draft: Profile) -> Revision:
    """Return what saving a draft makes; the latest if it is refused."""
    try:
        return evolution.preview(history, draft, create_time=NOW)
    except RevisionRefused:
        return history[-1]


def numbers(revision: Revision) -> tuple[int, int, int]:
    return engine.parse_version(revision.version)


@given(st.lists(drafts(), min_size=1, max_size=8))
def test_versions_rise_and_numbers_count(saved: list[Profile]) -> None:
    history: list[Revision] = []
    for draft in saved:
        revision = save(history, draft)
        if not history or revision is not history[-1]:
            history.append(revision)
    assert [revision.revision for revision in history] == list(range(1, len(history) + 1))
    assert all(numbers(earlier) < numbers(later) for earlier, later in pairwise(history))
    assert all(revision.digest == engine.message_digest(revision.profile) for revision in history)


@given(st.lists(drafts(), min_size=1, max_size=8), drafts())
def test_the_last_of_each_major_version_decides_as_all_revisions_do(saved: list[Profile], draft: Profile) -> None:
    history: list[Revision] = []
    for earlier in saved:
        revision = save(history, earlier)
        if not history or revision is not history[-1]:
            history.append(revision)
    lasts = list({numbers(revision)[0]: revision for revision in history}.values())
    assert outcome(history, draft) == outcome(lasts, draft)


def outcome(history: list[Revision], draft: Profile) -> Revision | str:
    try:
        return evolution.preview(history, draft, create_time=NOW)
    except RevisionRefused as refusal:
        return str(refusal)


@given(drafts(), drafts())
def test_saving_again_changes_nothing(first: Profile, second: Profile) -> None:
    created = save([], first)
    updated = save([created], second)
    assert save([updated], updated.profile) is updated


@given(drafts(), drafts(), VERSIONS)
@example(Profile(profile_id="p"), Profile(profile_id="p"), "1.0.0")
def test_a_version_is_taken_exactly_if_it_is_high_enough(first: Profile, second: Profile, version: str) -> None:
    created = save([], first)
    smallest = save([created], second)
    asked = Profile()
    asked.CopyFrom(second)
    asked.version = version
    try:
        taken = evolution.preview([created], asked, create_time=NOW)
    except VersionTooLow:
        assert engine.parse_version(version) < numbers(smallest)
    except RevisionRefused:
        assert smallest is created
    else:
        assert taken.version == version
        assert engine.parse_version(version) >= numbers(smallest)


@given(drafts(), drafts())
def test_a_change_that_breaks_readers_of_the_rows_is_a_major_version(first: Profile, second: Profile) -> None:
    history = [save([], first)]
    try:
        revision = evolution.preview(history, second, create_time=NOW)
    except RevisionRefused:
        return
    old, new = row_schema(history[0].profile), row_schema(revision.profile)
    breaks = any(finding.breaks_backward for finding in compare_schemas(old, new) if not _is_added(finding))
    assert not breaks or numbers(revision)[0] > numbers(history[0])[0]


def _is_added(finding: Finding) -> bool:
    """A new field is in no earlier row, and readers of rows take its absence for null."""
    return finding.rule in ("PROPERTY_ADDED", "REQUIRED_ADDED")
