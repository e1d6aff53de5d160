"""What changed between two sets of proto files: on the wire, in JSON, in generated code, and in rules.

A rule has the name that `buf breaking` gives it where buf has the rule. Two readings differ from buf's, on purpose:

- A finding says which way it breaks. buf has no direction: what it calls compatible may still break one way, as int64 to int32.
- JSON is read strictly, as protojson does by default and our JSON Schemas do: a name that the reader's contract lacks is
  refused. So an added field or enum value breaks old readers, and a removed one new readers, reserved or not.
"""

from __future__ import annotations

from collections.abc import Iterator

from chartly.contracts.protos import rule_changes as rules
from chartly.contracts.protos.advice import finding
from chartly.contracts.protos.enum_changes import enum_changes
from chartly.contracts.protos.field_changes import (
    extension_changes,
    field_added,
    field_changes,
    field_removed,
    renumbered,
)
from chartly.contracts.protos.file_changes import file_changes
from chartly.contracts.protos.model import Message, ProtoModel, read_model, walk
from chartly.contracts.protos.reserved import reserved_changes
from chartly.contracts.protos.service_changes import service_changes
from chartly.contracts.report import DESCRIPTION_CHANGED, Finding, Layer
from google.protobuf.descriptor_pb2 import FeatureSet, FileDescriptorSet


def compare_protos(old: FileDescriptorSet, new: FileDescriptorSet) -> tuple[Finding, ...]:
    """Return each change between two sets of proto files, in the order of the old files, what is new last.

    Files that come with Chartly are left out. A type that moved to another file is the same type.
    """
    return compare_models(read_model(old), read_model(new))


def compare_models(old: ProtoModel, new: ProtoModel) -> tuple[Finding, ...]:
    """Return each change between two models; see `compare_protos`. Comments are compared where both have them."""
    commented = old.commented and new.commented
    findings = dict.fromkeys(_changes(old, new))
    return tuple(found for found in findings if commented or found.rule != DESCRIPTION_CHANGED)


def record_message_changes(old: str, new: str) -> Iterator[Finding]:
    """Yield what it means that records are checked against another message, named in full; no name, no check."""
    if old and old != new:
        text = f"records were checked against {old}, now against {new or 'none'}"
        for layer in (Layer.JSON, Layer.RULES):
            yield finding("RECORD_MESSAGE_CHANGED", old, text, layer, backward=True, forward=True)


def _changes(old: ProtoModel, new: ProtoModel) -> Iterator[Finding]:
    yield from file_changes(old, new)
    for name in walk(old.messages, new.messages):
        yield from _message(old, new, name)
    for name in walk(old.enums, new.enums):
        yield from enum_changes(old.enums.get(name), new.enums.get(name))
    for name in walk(old.services, new.services):
        yield from service_changes(old.services.get(name), new.services.get(name))
    yield from extension_changes(old, new)


def _message(old: ProtoModel, new: ProtoModel, name: str) -> Iterator[Finding]:
    before, after = old.messages.get(name), new.messages.get(name)
    if before and after:
        yield from _message_changes(old, new, before, after)
    elif before:
        text = f"message {name} is gone"
        if name in old.roots:  # what others hold their fields tell of
            for layer in (Layer.WIRE, Layer.JSON):
                yield finding("MESSAGE_NO_DELETE", name, text, layer, backward=True)
        yield finding("MESSAGE_NO_DELETE", name, text, Layer.SOURCE, backward=True)
    else:
        yield finding("MESSAGE_ADDED", name, f"message {name} is new", Layer.SOURCE)


def _message_changes(old: ProtoModel, new: ProtoModel, before: Message, after: Message) -> Iterator[Finding]:
    if before.comment != after.comment:
        yield finding(DESCRIPTION_CHANGED, before.name, "the comment changed", Layer.SOURCE)
    yield from reserved_changes("RESERVED_MESSAGE_NO_DELETE", before, after)
    yield from _message_options(before, after)
    for oneof in before.oneofs:
        if oneof not in after.oneofs:
            path, text = f"{before.name}.{oneof}", f"oneof {oneof} is gone"
            yield finding("ONEOF_NO_DELETE", path, text, Layer.SOURCE, backward=True)
    yield from rules.message_changes(before, after)
    yield from _fields(old, new, before, after)


def _fields(old: ProtoModel, new: ProtoModel, before: Message, after: Message) -> Iterator[Finding]:
    for number, field in before.fields.items():
        if other := after.fields.get(number):
            yield from field_changes((old, before, field), (new, after, other))
        else:
            yield from field_removed(before, field, after)
            if same := after.by_name.get(field.proto.name):
                yield from renumbered(old, field, new, same)
            yield from rules.one_field(old, before, field, added=False)
    for number, field in after.fields.items():
        if number not in before.fields:
            yield from field_added(before, field)
            yield from rules.one_field(new, after, field, added=True)


def _message_options(before: Message, after: Message) -> Iterator[Finding]:
    allow = FeatureSet.ALLOW
    if before.features.json_format == allow != after.features.json_format:
        text = "JSON is best effort now"
        yield finding("MESSAGE_SAME_JSON_FORMAT", before.name, text, Layer.JSON, backward=True, forward=True)
    was, now = (one.proto.options.no_standard_descriptor_accessor for one in (before, after))
    if now and not was:
        rule = "MESSAGE_NO_REMOVE_STANDARD_DESCRIPTOR_ACCESSOR"
        yield finding(rule, before.name, "no_standard_descriptor_accessor is on now", Layer.SOURCE, backward=True)
    ranges = [{(one.start, one.end) for one in message.proto.extension_range} for message in (before, after)]
    if ranges[0] - ranges[1]:
        text = "an extension range is gone"
        yield finding("EXTENSION_MESSAGE_NO_DELETE", before.name, text, Layer.SOURCE, backward=True)
