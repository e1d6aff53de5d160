"""docs/PROFILES.md explains every key that a profile has and no other, and its examples are profiles."""

import re
from collections.abc import Iterator

import pytest
import yaml
from chartly import engine
from chartly.api.profile.v1 import profile_pb2
from chartly.engine.evolution import Bump
from docs_pages import Block, blocks, read, rows, section
from google.protobuf.descriptor import Descriptor, FieldDescriptor

PAGE = read("docs/PROFILES.md")
EXAMPLES = blocks(PAGE, "yaml")
BASE = {"profile_id": "example", "source": {"file": {"path": "example.csv"}}, "dims": {"name": {"type": "string"}}}
PAGING = "source.http_rest.pagination."


def keys_of(message: Descriptor, above: str = "") -> Iterator[str]:
    """Yield the dotted path of each key that has no keys of its own below it; a map counts as one key."""
    for field in message.fields:
        path = f"{above}{field.name}"
        child = nested(field)
        if child is not None and child.fields:
            yield from keys_of(child, f"{path}.")
        else:
            yield path


def nested(field: FieldDescriptor) -> Descriptor | None:
    message = field.message_type
    if message is None or message.file.package != "chartly.api.profile.v1" or message.GetOptions().map_entry:
        return None
    return message


def explained(text: str) -> set[str]:
    """Return the keys that the tables explain."""
    return {match[1] for cells in rows(text) if (match := re.fullmatch(r"`([a-z_.]+)`", cells[0]))}


def test_every_key_of_a_profile_is_explained_and_no_other() -> None:
    fields, paging = section(PAGE, "## Fields"), section(PAGE, "### Paging")
    others = PAGE.replace(fields, "").replace(paging, "")
    found = explained(others) | {f"{PAGING}{key}" for key in explained(paging)} | {"dims", "measures"}
    assert found == set(keys_of(profile_pb2.Profile.DESCRIPTOR))


def test_every_key_of_a_field_is_explained_and_no_other() -> None:
    table = section(PAGE, "## Fields").partition("Each of them has these keys:")[2].partition("| type | values |")[0]
    assert explained(table) == {field.name for field in profile_pb2.Field.DESCRIPTOR.fields}


def test_every_type_is_explained() -> None:
    types = section(PAGE, "## Fields").partition("| type | values |")[2]
    problems = _problems("dims: {name: {type: colour}}")
    assert explained(types) == {"string", "integer", "number", "decimal", "boolean", "timestamp", "date"}
    assert all(name in problems for name in explained(types))


def _problems(text: str) -> str:
    with pytest.raises(engine.InvalidDocument) as refused:
        engine.parse_profile(yaml.safe_dump({**BASE, **yaml.safe_load(text)}).encode())
    return str(refused.value)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.text.split()[0].strip(":"))
def test_every_example_is_a_profile_or_a_part_of_one(example: Block) -> None:
    if "profile_id:" in example.text:
        engine.parse_profile(example.text.encode())
        return
    keys = yaml.safe_load(example.text).keys()
    rest = yaml.safe_dump({name: value for name, value in BASE.items() if name not in keys})
    engine.parse_profile(f"{rest}{example.text}".encode())


def test_the_examples_together_have_every_key() -> None:
    text = "\n".join(example.text for example in EXAMPLES)
    names = {path.rpartition(".")[2] for path in keys_of(profile_pb2.Profile.DESCRIPTOR)}
    names |= {field.name for field in profile_pb2.Field.DESCRIPTOR.fields}
    assert {name for name in names if not re.search(rf"\b{name}:", text)} <= {"single_page", "rel"}


REVISIONS = [
    (Bump.PATCH, {"owner": "somebody"}),
    (Bump.PATCH, {"schedule": {"every": "1h"}}),
    (Bump.MINOR, {"measures": {"level": {"type": "number"}, "wind": {"type": "number"}}}),
    (Bump.MINOR, {"measures": {"level": {"type": "number", "replace": {"T": 0}}}}),
    (Bump.MAJOR, {"measures": {"level": {"type": "number", "unit": "m"}}}),
    (Bump.MAJOR, {"measures": {"level": {"type": "number", "minimum": 0}}}),
    (Bump.MAJOR, {"measures": {}}),
]


def _profile(change: dict[str, object]) -> profile_pb2.Profile:
    known = {**BASE, "measures": {"level": {"type": "number"}}, "primary_key": ["name"]}
    return engine.parse_profile(yaml.safe_dump({**known, **change}).encode())


@pytest.mark.parametrize(("bump", "change"), REVISIONS, ids=str)
def test_a_change_takes_the_version_that_the_page_says(bump: Bump, change: dict[str, object]) -> None:
    assert engine.compare(_profile({}), _profile(change)).bump is bump
    assert (
        f"{bump.name.lower()}, 1.0.0 → {engine.compare(_profile({}), _profile(change)).version_after('1.0.0')}" in PAGE
    )


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (engine.IncompatibleChange, {}, {"measures": {"level": {"type": "integer"}}}),
        (engine.IncompatibleChange, {}, {"primary_key": ["name", "level"]}),
        (engine.FieldsNeedKey, {"primary_key": []}, {"primary_key": [], "measures": {}}),
    ],
)
def test_a_change_that_the_page_calls_refused_is(
    error: type[Exception], before: dict[str, object], after: dict[str, object]
) -> None:
    with pytest.raises(error):
        engine.compare(_profile(before), _profile(after))
