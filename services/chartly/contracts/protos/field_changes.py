"""What changed between two fields: their numbers count on the wire, their names in JSON."""

from __future__ import annotations

from collections.abc import Iterator

from chartly.contracts.protos import rule_changes as rules
from chartly.contracts.protos import types
from chartly.contracts.protos.advice import finding
from chartly.contracts.protos.model import Enum, Field, Message, ProtoModel, walk
from chartly.contracts.protos.reserved import reserves_number
from chartly.contracts.protos.types import Reads
from chartly.contracts.report import DESCRIPTION_CHANGED, Finding, Layer
from google.protobuf.descriptor_pb2 import FeatureSet
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F

# A field where it stands: the contract, its message, itself.
Place = tuple[ProtoModel, Message, Field]


def field_changes(old: Place, new: Place) -> Iterator[Finding]:
    """Yield what changed between two fields of one number."""
    (model, before, field), (other_model, after, other) = old, new
    if field.comment != other.comment:
        yield finding(DESCRIPTION_CHANGED, field.name, "the comment changed", Layer.SOURCE)
    if field.proto.options.deprecated != other.proto.options.deprecated:
        text = "it is deprecated now" if other.proto.options.deprecated else "it is not deprecated any more"
        yield finding("DEPRECATION_CHANGED", field.name, text, Layer.SOURCE)
    if _is_same(model, field, other_model, other) and field.oneof == other.oneof:
        return
    yield from _names(field, other)
    yield from _cardinality(field, other)
    yield from _types(model, field, other_model, other)
    yield from _oneofs(before, field, after, other)
    yield from _options(field, other)
    yield from _default(model, field, other_model, other)
    yield from rules.both_fields(old, new)


def _is_same(model: ProtoModel, field: Field, other_model: ProtoModel, other: Field) -> bool:
    enum, other_enum = model.enums.get(field.type_name), other_model.enums.get(other.type_name)
    return (
        not field.entry
        and field.proto == other.proto
        and field.features == other.features
        and (enum and enum.proto) == (other_enum and other_enum.proto)
    )


def field_removed(message: Message, field: Field, after: Message) -> Iterator[Finding]:
    """Yield what it means that a number is gone."""
    text, name = f"field {field.proto.name} = {field.number} is gone", field.proto.name
    if not reserves_number(after, field.number):
        yield finding("FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED", field.name, text, Layer.WIRE, backward=True)
    if name not in after.by_name:
        reserved = name in after.proto.reserved_name
        rule = "FIELD_NO_DELETE" if reserved else "FIELD_NO_DELETE_UNLESS_NAME_RESERVED"
        yield finding(rule, field.name, text, Layer.JSON, backward=True)
    yield finding("FIELD_NO_DELETE", field.name, text, Layer.SOURCE, backward=True)
    if field.is_required:
        yield from _required(field, f"required field {name} is gone", forward=True)


def field_added(before: Message, field: Field) -> Iterator[Finding]:
    """Yield what it means that a number is new."""
    name = field.proto.name
    if name not in before.by_name:
        yield finding("FIELD_ADDED", field.name, f"field {name} = {field.number} is new", Layer.JSON, forward=True)
    if field.is_required:
        yield from _required(field, f"required field {name} is new", backward=True)


def renumbered(old: ProtoModel, field: Field, new: ProtoModel, other: Field) -> Iterator[Finding]:
    """Yield what it means that a name has another number now: JSON is read by names."""
    text = f"field {field.proto.name} had number {field.number} and has {other.number}"
    yield finding("FIELD_SAME_NUMBER", field.name, text, Layer.WIRE, backward=True, forward=True)
    for found in (*_cardinality(field, other), *_types(old, field, new, other)):
        if found.layer is Layer.JSON:
            yield found


def _required(field: Field, text: str, *, backward: bool = False, forward: bool = False) -> Iterator[Finding]:
    for layer in (Layer.WIRE, Layer.JSON):
        yield finding("MESSAGE_SAME_REQUIRED_FIELDS", field.name, text, layer, backward=backward, forward=forward)


def _names(old: Field, new: Field) -> Iterator[Finding]:
    if old.proto.name != new.proto.name:
        text = f"{old.proto.name} -> {new.proto.name}"
        yield finding("FIELD_SAME_NAME", old.name, text, Layer.JSON, backward=True, forward=True)
        yield finding("FIELD_SAME_NAME", old.name, text, Layer.SOURCE, backward=True)
    if old.proto.json_name != new.proto.json_name:
        text = f"{old.proto.json_name} -> {new.proto.json_name}"
        yield finding("FIELD_SAME_JSON_NAME", old.name, text, Layer.JSON, backward=True, forward=True)


def _cardinality(old: Field, new: Field) -> Iterator[Finding]:
    was, now = old.cardinality, new.cardinality
    if was == now:
        return
    text = f"{was} -> {now}"
    if _shape(was) != _shape(now):
        for layer, rule in (
            (Layer.WIRE, "FIELD_WIRE_COMPATIBLE_CARDINALITY"),
            (Layer.JSON, "FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY"),
        ):
            yield finding(rule, old.name, text, layer, backward=True, forward=True)
    if old.is_required != new.is_required:
        yield from _required(old, text, backward=new.is_required, forward=old.is_required)
    yield finding("FIELD_SAME_CARDINALITY", old.name, text, Layer.SOURCE, backward=True)


def _shape(cardinality: str) -> str:
    return cardinality if cardinality in ("map", "repeated") else "single"


def _types(old_model: ProtoModel, old: Field, new_model: ProtoModel, new: Field) -> Iterator[Finding]:
    if old.entry and new.entry:
        for number in (1, 2):
            yield from _types(old_model, old.entry.fields[number], new_model, new.entry.fields[number])
        return
    if old.entry or new.entry:
        return  # its cardinality has told
    enums = (old_model.enums.get(old.type_name), new_model.enums.get(new.type_name))
    wire, json = _wire(old, new, enums), _json(old, new, enums)
    text = f"{types.type_text(old.type, old.type_name)} -> {types.type_text(new.type, new.type_name)}"
    if not all(wire):
        yield _type_finding("FIELD_WIRE_COMPATIBLE_TYPE", old, text, Layer.WIRE, wire)
    if not all(json):
        yield _type_finding("FIELD_WIRE_JSON_COMPATIBLE_TYPE", old, text, Layer.JSON, json)
    if old.type != new.type or old.type_name != new.type_name:
        yield finding("FIELD_SAME_TYPE", old.name, text, Layer.SOURCE, backward=True)


def _type_finding(rule: str, field: Field, text: str, layer: Layer, reads: Reads) -> Finding:
    return finding(rule, field.name, text, layer, backward=not reads.backward, forward=not reads.forward)


def _wire(old: Field, new: Field, enums: tuple[Enum | None, Enum | None]) -> Reads:
    closed = tuple(enum is not None and enum.is_closed for enum in enums)
    reads = types.wire(old.type, new.type, closed=(closed[0], closed[1]))
    return _named(reads, old, new, enums)


def _json(old: Field, new: Field, enums: tuple[Enum | None, Enum | None]) -> Reads:
    return _named(types.json(old.type, new.type), old, new, enums)


def _named(reads: Reads, old: Field, new: Field, enums: tuple[Enum | None, Enum | None]) -> Reads:
    if old.type_name == new.type_name or not (old.type_name and new.type_name):
        return reads
    before, after = enums
    if before and after:
        return Reads(_values(before) <= _values(after), _values(after) <= _values(before))
    return Reads(False, False)


def _values(enum: Enum) -> set[tuple[str, int]]:
    return {(value.name, value.number) for value in enum.proto.value}


def _oneofs(before: Message, field: Field, after: Message, other: Field) -> Iterator[Finding]:
    if field.oneof == other.oneof:
        return
    old, new = before.oneofs.get(field.oneof, frozenset()), after.oneofs.get(other.oneof, frozenset())
    shared = (before.fields.keys() & after.fields.keys()) - {field.number}
    text = f"oneof {field.oneof or 'none'} -> {other.oneof or 'none'}"
    backward, forward = bool((new - old) & shared), bool((old - new) & shared)
    for layer in (Layer.WIRE, Layer.JSON):
        if backward or forward:
            yield finding("FIELD_SAME_ONEOF", field.name, text, layer, backward=backward, forward=forward)
    yield finding("FIELD_SAME_ONEOF", field.name, text, Layer.SOURCE, backward=True)


def _options(old: Field, new: Field) -> Iterator[Finding]:
    was, now = old.features.utf8_validation, new.features.utf8_validation
    if was != now and old.proto.type == new.proto.type == F.TYPE_STRING:
        strict = now == FeatureSet.VERIFY
        text = "texts have to be UTF-8 now" if strict else "texts may be other than UTF-8 now"
        yield finding("FIELD_SAME_UTF8_VALIDATION", old.name, text, Layer.WIRE, backward=strict, forward=not strict)
    for option, rule in (("jstype", "FIELD_SAME_JSTYPE"), ("ctype", "FIELD_SAME_CPP_STRING_TYPE")):
        if getattr(old.proto.options, option) != getattr(new.proto.options, option):
            yield finding(rule, old.name, f"{option} changed", Layer.SOURCE, backward=True)


def _default(old_model: ProtoModel, old: Field, new_model: ProtoModel, new: Field) -> Iterator[Finding]:
    was, now = _default_text(old_model, old), _default_text(new_model, new)
    if was != now and "repeated" not in (old.cardinality, new.cardinality):
        text = f"default {was or 'zero'} -> {now or 'zero'}"
        for layer in (Layer.WIRE, Layer.JSON):
            yield finding("FIELD_SAME_DEFAULT", old.name, text, layer, backward=True, forward=True)


def _default_text(model: ProtoModel, field: Field) -> str:
    if field.proto.default_value not in ("", "0", "-0", "false"):
        return field.proto.default_value
    enum = model.enums.get(field.type_name)
    return str(enum.proto.value[0].number) if enum and enum.proto.value[0].number else ""


def extension_changes(old: ProtoModel, new: ProtoModel) -> Iterator[Finding]:
    """Yield what changed between the extensions that files define, by the message that they extend and their number."""
    for key in walk(old.extensions, new.extensions):
        field, other = old.extensions.get(key), new.extensions.get(key)
        if field and other:
            yield from _names(field, other)
            yield from _cardinality(field, other)
            yield from _types(old, field, new, other)
            yield from rules.predefined_changes(field, other)
        elif field:
            yield finding(
                "EXTENSION_NO_DELETE", field.name, f"extension {field.name} is gone", Layer.SOURCE, backward=True
            )
        elif other:
            yield finding("EXTENSION_ADDED", other.name, f"extension {other.name} is new", Layer.SOURCE)
