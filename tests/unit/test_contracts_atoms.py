"""Every pair of single rules, with protovalidate's word for what each accepts: an implication that does not hold is found."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import protovalidate
import pytest
from buf.validate import validate_pb2 as v
from chartly.contracts.protos.rules import Atom, atoms_of
from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

TYPES = {
    "int32": F.TYPE_INT32,
    "uint64": F.TYPE_UINT64,
    "double": F.TYPE_DOUBLE,
    "string": F.TYPE_STRING,
    "bytes": F.TYPE_BYTES,
}
TEXTS = ["".join(letters) for size in range(5) for letters in product("ab", repeat=size)]
ADDRESSES = [
    "1.2.3.4",
    "::1",
    "1.2.3.0/24",
    "1.2.3.4/24",
    "::/8",
    "x.org",
    "a@x.org",
    "http://x.org",
    "/p",
    "x:80",
    "ä",
]
BYTES = [*map(str.encode, TEXTS), b"\xff", b"1234", bytes(16)]
VALUES: dict[str, list[Any]] = {
    "int32": list(range(-2, 7)),
    "uint64": list(range(7)),
    "double": [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, float("inf"), float("-inf"), float("nan")],
    "string": [*TEXTS, *ADDRESSES],
    "bytes": BYTES,
}
FORMATS = (
    "email hostname ip ipv4 ipv6 uri uri_ref address uuid ip_with_prefixlen ipv4_with_prefixlen ip_prefix ipv4_prefix"
)


def rules(kind: str) -> Iterator[dict[str, Any]]:
    """Each rule of a kind on its own, and two bounds together."""
    match kind:
        case "string" | "bytes":
            parts = ["a", "b", "ab", "ba", "aab"]
            texts = parts if kind == "string" else [part.encode() for part in parts]
            yield from ({key: text} for key in ("prefix", "suffix", "contains", "const") for text in texts)
            yield from ({key: texts[start:end]} for key in ("in", "not_in") for start in (0, 1) for end in (2, 4))
            yield from ({key: size} for key in ("len", "min_len", "max_len") for size in range(4))
            yield from ({"min_len": low, "max_len": high} for low in range(3) for high in range(3))
        case _:
            numbers = [-1.0, 0.0, 0.5, 1.0] if kind == "double" else [0, 1, 2, 4]
            yield from ({key: number} for key in ("gt", "gte", "lt", "lte", "const") for number in numbers)
            yield from (
                {low: first, high: second}
                for low, high in product(("gt", "gte"), ("lt", "lte"))
                for first, second in product(numbers, repeat=2)
            )
            yield from ({key: numbers[start:end]} for key in ("in", "not_in") for start in (0, 1) for end in (2, 4))
    if kind == "string":
        yield from ({"not_contains": text} for text in ("a", "b", "ab"))
        yield from ({key: size} for key in ("len_bytes", "min_bytes", "max_bytes") for size in (1, 2))
        yield from ({"pattern": pattern} for pattern in ("^a*$", "a", "^$", "^b"))
        yield from ({name: True} for name in FORMATS.split())
    if kind == "bytes":
        yield from ({name: True} for name in ("ip", "ipv4", "ipv6"))


def accepted(kind: str, said: dict[str, Any]) -> tuple[list[Atom], list[Any]]:
    """The atoms of a rule, and the values that protovalidate accepts with it."""
    file = FileDescriptorProto(name="m.proto", package="m", syntax="proto3")
    field = file.message_type.add(name="M").field.add(name="a", number=1, type=TYPES[kind], label=F.LABEL_OPTIONAL)
    of_kind = getattr(field.options.Extensions[v.field], kind)
    for key, value in said.items():
        if isinstance(value, list):
            getattr(of_kind, key).extend(value)
        else:
            setattr(of_kind, key, value)
    pool = DescriptorPool()
    pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("m.M"))
    validator = protovalidate.Validator()
    values = [value for value in VALUES[kind] if not validator.collect_violations(message(a=value))]
    return list(atoms_of(kind, of_kind)), values


@pytest.mark.parametrize("kind", TYPES)
def test_what_an_atom_says_of_a_value_or_another_atom_holds(kind: str) -> None:
    known = [(said, *accepted(kind, said)) for said in rules(kind)]
    implied = 0
    for said, atoms, values in known:
        for value in VALUES[kind]:
            if atoms and all(atom.admits(value) for atom in atoms):
                assert value in values, (said, value)
        for other, others, other_values in known:
            if others and all(any(atom.implies(one) for atom in atoms) for one in others):
                assert set(map(repr, values)) <= set(map(repr, other_values)), (said, other)
                implied += said != other
    assert implied > 10
