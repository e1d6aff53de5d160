"""protovalidate decides what two contracts accept; the comparison has to have said so."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import protovalidate
from buf.validate import validate_pb2 as v
from chartly.contracts import Finding, Layer, compare_protos
from google.protobuf import duration_pb2, message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

Rules = v.FieldRules

KINDS = {
    "int32": F.TYPE_INT32,
    "uint64": F.TYPE_UINT64,
    "sint64": F.TYPE_SINT64,
    "double": F.TYPE_DOUBLE,
    "float": F.TYPE_FLOAT,
    "bool": F.TYPE_BOOL,
    "string": F.TYPE_STRING,
    "bytes": F.TYPE_BYTES,
    "enum": F.TYPE_ENUM,
    "duration": F.TYPE_MESSAGE,
    "timestamp": F.TYPE_MESSAGE,
}
WELL_KNOWN = ("duration", "timestamp")
INTS = ("int32", "uint64", "sint64")
SMALL = st.integers(0, 4)
FLOATS = st.sampled_from([-1.0, 0.0, 0.5, 2.0])
TEXTS = st.sampled_from(["", "a", "ab", "b", "ba"])
FORMATS = ["ip", "ipv4", "ipv6", "address", "hostname", "email", "uri", "uri_ref", "ip_prefix", "ipv4_prefix", "uuid"]
FORMATS += ["ip_with_prefixlen", "ipv4_with_prefixlen"]

ADDRESSES = ["1.2.3.4", "::1", "1.2.3.0/24", "1.2.3.4/24", "::/8", "2b4d6f80-2b4d-4f80-8b4d-6f802b4d6f80"]
VALUES: dict[str, list[Any]] = {
    **{key: list(range(6)) for key in INTS},
    **{key: [-1.0, 0.0, 0.25, 0.5, 2.0, 3.0, math.inf, -math.inf, math.nan] for key in ("double", "float")},
    "bool": [False, True],
    "string": ["", "a", "b", "ab", "ba", "aab", "abab", "\u00e4", "x.org", "a@x.org", "http://x.org", "/p", *ADDRESSES],
    "bytes": [b"", b"a", b"ab", b"ba", b"\xff", b"1234", bytes(16)],
    "enum": [0, 1, 2, 3],
    "duration": list(range(6)),
    "timestamp": list(range(6)),
}


def subsets(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=3, unique=True)


def bounds(values: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return dict.fromkeys(("gt", "gte", "lt", "lte"), values)


def optional(keys: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Few keys at a time, so that most rules accept something."""
    return st.lists(st.sampled_from(sorted(keys)), max_size=3, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({key: keys[key] for key in chosen})
    )


SIZES = {"len": SMALL, "min_len": SMALL, "max_len": SMALL}
PARTS = {"prefix": TEXTS, "suffix": TEXTS, "contains": TEXTS}
SETS = {"in": subsets(TEXTS), "not_in": subsets(TEXTS), "const": TEXTS}
STRING = {**SIZES, **PARTS, **SETS, "len_bytes": SMALL, "min_bytes": SMALL, "max_bytes": SMALL, "not_contains": TEXTS}
STRING |= {name: st.booleans() for name in FORMATS} | {"pattern": st.sampled_from(["^a*$", "^a", "b"])}
BYTES = {**SIZES, **{name: part.map(str.encode) for name, part in PARTS.items()}, "ipv4": st.booleans()}
BYTES |= {"in": subsets(TEXTS.map(str.encode)), "not_in": subsets(TEXTS.map(str.encode)), "ip": st.booleans()}
NUMBERS = {"in": subsets(SMALL), "not_in": subsets(SMALL), "const": SMALL}
TYPE_RULES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    **dict.fromkeys(INTS, optional({**bounds(SMALL), **NUMBERS})),
    **dict.fromkeys(
        ("double", "float"),
        optional({**bounds(FLOATS), "in": subsets(FLOATS), "not_in": subsets(FLOATS), "finite": st.booleans()}),
    ),
    "bool": optional({"const": st.booleans()}),
    "string": optional(STRING),
    "bytes": optional(BYTES),
    "enum": optional({**NUMBERS, "defined_only": st.booleans()}),
    "duration": optional(bounds(SMALL.map(lambda seconds: duration_pb2.Duration(seconds=seconds)))),
    "timestamp": optional(
        {
            **bounds(SMALL.map(lambda seconds: timestamp_pb2.Timestamp(seconds=seconds))),
            "lt_now": st.booleans(),
            "within": SMALL.map(lambda days: duration_pb2.Duration(seconds=days * 86_400 * 9_000)),
        }
    ),
}
CEL = {"string": ["size(this) > 1", "this != 'a'"], **{key: ["this > 1", "this != 3"] for key in INTS[:1]}}


def made(message: type[Message], said: dict[str, Any]) -> Message:
    """A message of rules; of fields in one oneof the last counts, as in a text."""
    rules = message()
    for key, value in said.items():
        if isinstance(value, list):
            getattr(rules, key).extend(value)
        elif isinstance(value, Message):
            getattr(rules, key).CopyFrom(value)
        else:
            setattr(rules, key, value)
    return rules


@st.composite
def field_rules(draw: st.DrawFn, kind: str, shape: str) -> Rules:
    rules = Rules()
    said = draw(TYPE_RULES[kind])
    if said:
        getattr(rules, kind).CopyFrom(made(type(getattr(rules, kind)), said))
        getattr(rules, kind).SetInParent()
    if kind in CEL and not draw(st.integers(0, 3)):
        expression = draw(st.sampled_from(CEL[kind]))
        rules.cel.add(id=draw(st.sampled_from(["a", "b"])), expression=expression)
    rules.ignore = draw(st.sampled_from([v.IGNORE_UNSPECIFIED] * 3 + [v.IGNORE_IF_ZERO_VALUE, v.IGNORE_ALWAYS]))
    if shape == "single":
        rules.required = not draw(st.integers(0, 3))
        return rules
    outer = Rules(required=not draw(st.integers(0, 3)))
    sizes = draw(optional({"min_items": SMALL, "max_items": SMALL}))
    if shape == "map":
        sizes = {key.replace("items", "pairs"): value for key, value in sizes.items()}
        outer.map.CopyFrom(v.MapRules(**sizes))
        outer.map.values.CopyFrom(rules)
        return outer
    outer.repeated.CopyFrom(v.RepeatedRules(unique=draw(st.booleans()), **sizes))
    outer.repeated.items.CopyFrom(rules)
    return outer


@st.composite
def contracts(draw: st.DrawFn, kind: str, shape: str) -> FileDescriptorProto:
    """A contract with one message M, whose field x may be there and has some rules."""
    file = FileDescriptorProto(
        name="m.proto",
        package="m",
        syntax="proto3",
        dependency=[f"google/protobuf/{name}.proto" for name in ("duration", "timestamp")],
    )
    enum = file.enum_type.add(name="E")
    for number in range(draw(st.integers(1, 3))):
        enum.value.add(name=f"E_{number}", number=number)
    message = file.message_type.add(name="M")
    message.field.add(name="other", number=9, type=F.TYPE_INT32, label=F.LABEL_OPTIONAL)
    if not draw(st.integers(0, 7)):
        return file
    type_name = {"enum": ".m.E", "duration": ".google.protobuf.Duration", "timestamp": ".google.protobuf.Timestamp"}
    field = F(
        name="x", json_name="x", number=1, type=KINDS[kind], type_name=type_name.get(kind), label=F.LABEL_OPTIONAL
    )
    if shape == "map":
        entry = message.nested_type.add(name="XEntry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=F.TYPE_STRING, label=F.LABEL_OPTIONAL)
        entry.field.add().CopyFrom(field)
        entry.field[1].name, entry.field[1].number = "value", 2
        field.type, field.type_name = F.TYPE_MESSAGE, ".m.M.XEntry"
    if shape != "single":
        field.label = F.LABEL_REPEATED
    elif draw(st.booleans()):
        field.proto3_optional, field.oneof_index = True, 0
        message.oneof_decl.add(name="_x")
    rules = draw(field_rules(kind, shape))
    if rules.ByteSize():
        field.options.Extensions[v.field].CopyFrom(rules)
    message.field.add().CopyFrom(field)
    if shape == "single" and not draw(st.integers(0, 5)):
        message.options.Extensions[v.message].oneof.add(fields=["x", "other"], required=draw(st.booleans()))  # type: ignore[index]
    return file


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str, FileDescriptorProto, FileDescriptorProto]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    shape = draw(st.sampled_from(["single", "single", "repeated", "map"]))
    return kind, shape, draw(contracts(kind, shape)), draw(contracts(kind, shape))


def message_class(file: FileDescriptorProto) -> type[Message]:
    pool = DescriptorPool()
    for known in (duration_pb2, timestamp_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("m.M"))


def messages(cls: type[Message], kind: str, shape: str) -> Iterator[Message]:
    yield cls()
    if "x" in cls.DESCRIPTOR.fields_by_name:
        values = VALUES[kind]
        for start in range(len(values)):
            for count in [1] if shape == "single" else [1, 2, 3]:
                yield filled(cls(), kind, shape, [values[(start + index) % len(values)] for index in range(count)])
            if shape == "repeated":
                yield filled(cls(), kind, shape, [values[start], values[start]])


def filled(message: Any, kind: str, shape: str, values: list[Any]) -> Message:
    for index, value in enumerate(values):
        key = f"k{index}"
        if kind not in WELL_KNOWN:
            if shape == "map":
                message.x[key] = value
            elif shape == "repeated":
                message.x.append(value)
            else:
                message.x = value
        else:
            held = message.x[key] if shape == "map" else message.x.add() if shape == "repeated" else message.x
            held.SetInParent()
            held.seconds = value
    return message  # type: ignore[no-any-return]


def is_valid(message: Message) -> bool:
    return not protovalidate.collect_violations(message)


def refused(writer: type[Message], reader: type[Message], kind: str, shape: str) -> list[Message]:
    """Messages that the writer's contract accepts and the reader's refuses."""
    valid = (message for message in messages(writer, kind, shape) if is_valid(message))
    return [message for message in valid if not is_valid(reader.FromString(message.SerializeToString()))]


def rule_findings(old: FileDescriptorProto, new: FileDescriptorProto) -> list[Finding]:
    found = compare_protos(FileDescriptorSet(file=[old]), FileDescriptorSet(file=[new]))
    return [finding for finding in found if finding.layer is Layer.RULES]


@settings(max_examples=800)
@given(pairs())
def test_what_protovalidate_newly_refuses_was_found(
    pair: tuple[str, str, FileDescriptorProto, FileDescriptorProto],
) -> None:
    kind, shape, old, new = pair
    old_class, new_class = message_class(old), message_class(new)
    findings = rule_findings(old, new)
    if lost := refused(old_class, new_class, kind, shape):
        assert any(finding.breaks_backward for finding in findings), lost[0]
    if lost := refused(new_class, old_class, kind, shape):
        assert any(finding.breaks_forward for finding in findings), lost[0]


@settings(max_examples=100)
@given(pairs())
def test_a_contract_agrees_with_itself_and_a_change_is_the_reverse_of_its_reverse(
    pair: tuple[str, str, FileDescriptorProto, FileDescriptorProto],
) -> None:
    _, _, old, new = pair
    assert rule_findings(old, old) == []
    there, back = rule_findings(old, new), rule_findings(new, old)
    assert {(f.breaks_backward, f.breaks_forward) for f in there} == {
        (f.breaks_forward, f.breaks_backward) for f in back
    }
