"""Another generator's JSON Schemas judge the same cases as ours, and the ways in which they differ are counted."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import jsonschema_rs
from chartly.contracts.messages.schemas import Schemas
from chartly.contracts.messages.source import Source
from chartly.contracts.messages.types import INTEGERS
from chartly.tools.gen.image import Image
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from json_cases import Cases


class Difference(NamedTuple):
    """A way to differ: who rejects what the other accepts, by which keyword, and at what kind of field."""

    rejected_by: str
    keyword: str
    field: str


class Comparison(NamedTuple):
    """How many cases were judged, how often each difference came up, and one case of each."""

    cases: int
    counts: Counter[Difference]
    examples: dict[Difference, str]


def compare_schemas(image: Image, theirs: dict[str, dict[str, Any]], cases_each: int, seed: int) -> Comparison:
    """Judge so many cases of each message by our schema and by theirs."""
    source, schemas, cases = Source(image.commented), Schemas(image.commented), Cases(Source(image.commented), seed)
    counts: Counter[Difference] = Counter()
    examples: dict[Difference, str] = {}
    names = [name for name in schemas.names if name in theirs]
    for name in names:
        ours = jsonschema_rs.validator_for(schemas.bundle(name))
        try:
            validators = {"ours": ours, "theirs": jsonschema_rs.validator_for(theirs[name])}
        except jsonschema_rs.ValidationError as error:
            found: Iterable[tuple[Difference, str]] = [
                (Difference("any validator", "$schema", "message"), str(error.instance))
            ]
        else:
            message = source.message(name)
            judged = ((value, _differences(message, validators, value)) for value in islice(cases.of(name), cases_each))
            found = [(difference, repr(value)) for value, differences in judged for difference in differences]
        for difference, example in found:
            counts[difference] += 1
            examples.setdefault(difference, f"{name} {example}")
    return Comparison(len(names) * cases_each, counts, examples)


def _differences(message: Any, validators: dict[str, Any], value: Any) -> Iterator[Difference]:
    refusals = {who: list(validator.iter_errors(value)) for who, validator in validators.items()}
    rejecting = [who for who, errors in refusals.items() if errors]
    if len(rejecting) == 1:
        for error in refusals[rejecting[0]]:
            yield Difference(rejecting[0], error.kind.name, _kind(message, error.instance_path))


def _kind(message: Any, path: list[str | int]) -> str:
    """Return what stands at a path: a scalar's type, a well-known type's name, `enum`, `message`, with `list of` or `map of`."""
    field = None
    for step in path:
        if isinstance(step, str) and message is not None and step in message.fields_by_name:
            field = message.fields_by_name[step]
            message = field.message_type
            if message is not None and message.GetOptions().map_entry:
                message = message.fields_by_name["value"].message_type
    if field is None or (isinstance(path[-1], str) and path[-1] != field.name and not _is_map(field)):
        return "message"
    whole = bool(path[-1] == field.name)
    return ("map of " if _is_map(field) else "list of " if field.is_repeated else "") * whole + _single(field)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _single(field: Any) -> str:
    if _is_map(field):
        field = field.message_type.fields_by_name["value"]
    if field.message_type is not None:
        name: str = field.message_type.full_name
        return name.removeprefix("google.protobuf.") if name.startswith("google.protobuf.") else "message"
    if field.type in INTEGERS:
        return INTEGERS[field.type]
    label: str = FieldDescriptorProto.Type.Name(field.type)
    return label.removeprefix("TYPE_").lower()
