"""protovalidate decides what two contracts accept; the comparison has to have said so."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import protovalidate
from buf.validate import validate_pb2 as v
from chartly.contracts import Finding, Layer, compare_protos
from google.protobuf import duration_pb2, message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F
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


@dataclass(frozen=True)
class Plan:
    """A contract with one message M, whose field x may be there and has some rules."""

    kind: str
    shape: str
    said: dict[str, Any]
    there: bool
    presence: bool
    required: bool
    unique: bool
    ignore: v.Ignore.ValueType
    sizes: dict[str, int]
    cel: tuple[str, str] | None
    values: int
    oneof: bool | None

    def field_rules(self) -> Rules:
        rules = Rules(ignore=self.ignore)
        if self.said:
            getattr(rules, self.kind).CopyFrom(made(type(getattr(rules, self.kind)), self.said))
        if self.cel:
            rules.cel.add(id=self.cel[0], expression=self.cel[1])
        outer = rules if self.shape == "single" else Rules()
        outer.required = self.required
        if self.shape == "map":
            outer.map.CopyFrom(v.MapRules(values=rules, **self._sizes("pairs")))
        elif self.shape == "repeated":
            outer.repeated.CopyFrom(v.RepeatedRules(items=rules, unique=self.unique, **self._sizes("items")))
        return outer

    def _sizes(self, what: str) -> dict[str, Any]:
        return {f"{side}_{what}": size for side, size in self.sizes.items()}

    def file(self) -> FileDescriptorProto:
        needed = [f"google/protobuf/{name}.proto" for name in WELL_KNOWN]
        file = FileDescriptorProto(name="m.proto", package="m", syntax="proto3", dependency=needed)
        enum = file.enum_type.add(name="E")
        for number in range(self.values):
            enum.value.add(name=f"E_{number}", number=number)
        message = file.message_type.add(name="M")
        message.field.add(name="other", number=9, type=F.TYPE_INT32, label=F.LABEL_OPTIONAL)
        if self.there:
            self._add_field(message)
            if self.oneof is not None and self.shape == "single":
                message.options.Extensions[v.message].oneof.add(fields=["x", "other"], required=self.oneof)  # type: ignore[index]
        return file

    def _add_field(self, message: DescriptorProto) -> None:
        names = {"enum": ".m.E", "duration": ".google.protobuf.Duration", "timestamp": ".google.protobuf.Timestamp"}
        field = message.field.add(name="x", number=1, type=KINDS[self.kind], type_name=names.get(self.kind), label=1)
        if self.shape == "map":
            entry = message.nested_type.add(name="XEntry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=F.TYPE_STRING, label=F.LABEL_OPTIONAL)
            entry.field.add(name="value", number=2, type=field.type, type_name=names.get(self.kind), label=1)
            field.type, field.type_name = F.TYPE_MESSAGE, ".m.M.XEntry"
        if self.shape != "single":
            field.label = F.LABEL_REPEATED
        elif self.presence:
            field.proto3_optional, field.oneof_index = True, 0
            message.oneof_decl.add(name="_x")
        field.options.Extensions[v.field].CopyFrom(self.field_rules())


def seldom(values: st.SearchStrategy[Any], otherwise: Any) -> st.SearchStrategy[Any]:
    return st.integers(0, 3).flatmap(lambda number: st.just(otherwise) if number else values)


def parts_of(kind: str) -> dict[str, st.SearchStrategy[Any]]:
    """What a plan is made of, so that one part can be drawn again."""
    return {
        "said": TYPE_RULES[kind],
        "there": seldom(st.just(False), True),
        "presence": st.booleans(),
        "required": seldom(st.just(True), False),
        "unique": st.just(False) if kind in WELL_KNOWN else st.booleans(),
        "ignore": seldom(st.sampled_from([v.IGNORE_IF_ZERO_VALUE, v.IGNORE_ALWAYS]), v.IGNORE_UNSPECIFIED),
        "sizes": optional({"min": SMALL, "max": SMALL}),
        "cel": st.none() | st.tuples(st.sampled_from("ab"), st.sampled_from(CEL[kind])) if kind in CEL else st.none(),
        "values": st.integers(1, 3),
        "oneof": st.sampled_from([None, None, False, True]),
    }


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Plan, Plan]:
    """Two contracts: mostly the second is the first with one part, or one rule, drawn again."""
    kind = draw(st.sampled_from([*sorted(KINDS), "string", "string", "int32"]))
    shape = draw(st.sampled_from(["single", "single", "repeated", "map"]))
    parts: Any = parts_of(kind)
    old = Plan(kind, shape, **{key: draw(part) for key, part in parts.items()})
    name = draw(st.sampled_from(["one rule", "one rule", "one rule", "said", *parts, "everything"]))
    if name == "everything":
        return old, Plan(kind, shape, **{key: draw(part) for key, part in parts.items()})
    if name == "one rule":
        kept = dict(old.said)
        if draw(st.booleans()) and kept:
            kept.pop(draw(st.sampled_from(sorted(kept))))
        return old, replace(old, said={**kept, **dict(list(draw(TYPE_RULES[kind]).items())[:1])})
    return old, replace(old, **{name: draw(parts[name])})


class Contract:
    """Messages of a plan, and what protovalidate says of them; a validator knows one message of a name, so each has its own."""

    def __init__(self, plan: Plan) -> None:
        pool = DescriptorPool()
        for known in (duration_pb2, timestamp_pb2):
            pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        pool.Add(plan.file())
        self.plan = plan
        self.message = message_factory.GetMessageClass(pool.FindMessageTypeByName("m.M"))
        self._validator = protovalidate.Validator()

    def accepts(self, message: Message) -> bool:
        return not self._validator.collect_violations(message)


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


def refused(writer: Contract, reader: Contract) -> list[Message]:
    """Messages that the writer's contract accepts and the reader's refuses."""
    every = messages(writer.message, writer.plan.kind, writer.plan.shape)
    valid = (message for message in every if writer.accepts(message))
    return [one for one in valid if not reader.accepts(reader.message.FromString(one.SerializeToString()))]


def rule_findings(old: Plan, new: Plan) -> list[Finding]:
    found = compare_protos(FileDescriptorSet(file=[old.file()]), FileDescriptorSet(file=[new.file()]))
    return [finding for finding in found if finding.layer is Layer.RULES]


@settings(max_examples=500)
@given(pairs())
def test_what_protovalidate_newly_refuses_was_found(pair: tuple[Plan, Plan]) -> None:
    old, new = pair
    findings = rule_findings(old, new)
    if not any(finding.breaks_backward for finding in findings):
        assert refused(Contract(old), Contract(new)) == []
    if not any(finding.breaks_forward for finding in findings):
        assert refused(Contract(new), Contract(old)) == []


@settings(max_examples=200)
@given(pairs())
def test_a_contract_agrees_with_itself_and_a_change_mirrors_its_reverse(pair: tuple[Plan, Plan]) -> None:
    old, new = pair
    assert rule_findings(old, old) == []
    there, back = rule_findings(old, new), rule_findings(new, old)
    assert {(f.breaks_backward, f.breaks_forward) for f in there} == {
        (f.breaks_forward, f.breaks_backward) for f in back
    }
