"""Which revision may follow which, and under what version."""

from __future__ import annotations

import pytest
from chartly import engine
from chartly.api.profile.v1.profile_pb2 import Profile

KEYED = """
profile_id: p
source: {file: {path: x}}
observed_at: {source: time}
dims:
  id: {type: integer}
  state: {type: string, enum: [open, closed]}
measures:
  count: {type: integer, minimum: 0, maximum: 10, null_values: [NA]}
  price: {type: decimal, scale: 2}
primary_key: [id]
"""
KEYLESS = KEYED.replace("primary_key: [id]\n", "")


def profile(text: str, old: str = "", new: str = "") -> Profile:
    assert old in text
    return engine.parse_profile(text.replace(old, new).encode() if old else text.encode())


@pytest.mark.parametrize(
    ("old", "new", "change", "version"),
    [
        ("", "", None, "1.2.3"),
        ("profile_id: p", "profile_id: p\nversion: 9.9.9", None, "1.2.3"),
        ("profile_id: p", "profile_id: p\nowner: me", "owner changed", "1.2.4"),
        ("path: x", "path: y", "source changed", "1.2.4"),
        ("{type: integer}", "{type: integer, description: Number.}", "description changed: id", "1.2.4"),
        ("[open, closed]", "[open, closed, locked]", "enum widened: state", "1.3.0"),
        (", enum: [open, closed]", "", "enum widened: state", "1.3.0"),
        ("[open, closed]", "[open]", "enum narrowed: state", "2.0.0"),
        ("{type: integer}", "{type: integer, enum: [1]}", "enum narrowed: id", "2.0.0"),
        ("minimum: 0", "minimum: -1", "minimum widened: count", "1.3.0"),
        ("minimum: 0", "minimum: 1", "minimum narrowed: count", "2.0.0"),
        ("maximum: 10", "maximum: 11", "maximum widened: count", "1.3.0"),
        (", maximum: 10", "", "maximum widened: count", "1.3.0"),
        ("[NA]", "[NA, '-']", "null_values widened: count", "1.3.0"),
        ("null_values: [NA]", "null_values: [NA], replace: {T: 0}", "replace widened: count", "1.3.0"),
        ("{type: integer}", "{type: integer, required: true}", "required now: id", "2.0.0"),
        ("{type: integer}", "{type: integer, source: ID}", "source changed: id", "2.0.0"),
        ("{type: integer}", "{type: integer, unit: kg}", "unit changed: id", "2.0.0"),
        ("measures:", "measures:\n  more: {type: number}", "field added: more", "1.3.0"),
        ("  price: {type: decimal, scale: 2}\n", "", "field removed: price", "2.0.0"),
        ("observed_at: {source: time}\n", "", "field removed: observed_at", "2.0.0"),
        ("source: time", "source: when", "source changed: observed_at", "2.0.0"),
    ],
)
def test_a_change_is_named_and_raises_the_version(old: str, new: str, change: str | None, version: str) -> None:
    evolution = engine.compare(profile(KEYED), profile(KEYED, old, new))
    assert [found.text for found in evolution.changes] == ([change] if change else [])
    assert evolution.version_after("1.2.3") == version
    assert evolution.is_compatible == (version < "2")


def test_the_greatest_of_many_changes_decides() -> None:
    evolution = engine.compare(profile(KEYED), profile(KEYED.replace("path: x", "path: y"), "[open, closed]", "[open]"))
    assert [change.text for change in evolution.changes] == ["enum narrowed: state", "source changed"]
    assert evolution.bump is engine.Bump.MAJOR


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("count: {type: integer", "count: {type: number", "type of count changed from integer to number"),
        ("scale: 2", "scale: 3", "type of price changed from decimal of scale 2 to decimal of scale 3"),
        ("[id]", "[id, state]", "primary_key changed from [id] to [id, state]"),
        ("primary_key: [id]\n", "", "primary_key changed from [id] to []"),
    ],
)
def test_what_the_dataset_cannot_follow_is_refused(old: str, new: str, change: str) -> None:
    with pytest.raises(engine.IncompatibleChange) as refusal:
        engine.compare(profile(KEYED), profile(KEYED, old, new))
    assert refusal.value.changes == (change,)


def test_a_field_that_comes_back_has_its_old_type() -> None:
    removed = profile(KEYED, "  price: {type: decimal, scale: 2}\n", "")
    again = profile(KEYED, "{type: decimal, scale: 2}", "{type: number}")
    assert engine.compare(removed, again).changes
    with pytest.raises(engine.IncompatibleChange, match="type of price changed"):
        engine.compare(removed, again, earlier=[profile(KEYED)])


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("measures:", "measures:\n  more: {type: number}", "more"),
        ("  price: {type: decimal, scale: 2}\n", "", "price"),
        ("observed_at: {source: time}\n", "", "observed_at"),
    ],
)
def test_other_fields_need_a_key(old: str, new: str, field: str) -> None:
    with pytest.raises(engine.FieldsNeedKey) as refusal:
        engine.compare(profile(KEYLESS), profile(KEYLESS, old, new))
    assert refusal.value.fields == (field,)


def test_without_a_key_rules_may_change() -> None:
    assert engine.compare(profile(KEYLESS), profile(KEYLESS, "minimum: 0", "minimum: -1")).bump is engine.Bump.MINOR
