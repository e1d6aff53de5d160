"""JSON for messages, made from their descriptors with a seed: mostly what fits, edges of every rule, and mutations."""

import json
import random
import struct
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from chartly.contracts.messages.rules_numbers import shortest
from chartly.contracts.messages.rules_patterns import portable
from chartly.contracts.messages.source import Source
from chartly.contracts.messages.types import INTEGERS, RANGES, WRAPPERS
from google.protobuf.descriptor import FieldDescriptor as Field
from regex_samples import sample

EDGES: dict[str, list[Any]] = json.loads(Path(__file__).with_name("json_edges.json").read_text())


class Cases:
    """JSON values for the messages of one source; the same seed gives the same values."""

    def __init__(self, source: Source, seed: int) -> None:
        self._source = source
        self._random = random.Random(seed)
        self._rules = cache(source.field_rules)
        self._oneofs = cache(source.oneofs)

    def of(self, name: str) -> Iterator[Any]:
        """Yield values for a message without end: every second one is mutated."""
        message = self._source.message(name)
        while True:
            value = self._message(message, depth=0)
            yield value
            yield self._mutated(json.loads(json.dumps(value)))

    def _message(self, message: Any, depth: int) -> dict[str, Any]:
        likely = self._random.choice((0.2, 0.7, 1.0))
        skipped: set[str] = set()
        for oneof in self._oneofs(message):
            names = [field.name for field in oneof.fields]
            skipped |= {*names} - {self._random.choice([*names, ""])}
        found = {}
        for field in message.fields:
            wanted = field.name not in skipped or self._random.random() < 0.02
            if wanted and (self._random.random() < likely or self._rules(field).required) and depth < 6:
                found[field.name] = self._field(field, depth)
        return found

    def _field(self, field: Any, depth: int) -> Any:
        rules = self._rules(field)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            count = self._count(rules.map, "pairs", depth)
            return {self._key(key, rules.map.keys): self._value(value, rules.map.values, depth) for _ in range(count)}
        if field.is_repeated:
            values = [
                self._value(field, rules.repeated.items, depth)
                for _ in range(self._count(rules.repeated, "items", depth))
            ]
            return values + values[:1] if self._random.random() < 0.15 else values
        return self._value(field, rules, depth)

    def _count(self, rules: Any, unit: str, depth: int) -> int:
        least: int = getattr(rules, f"min_{unit}")
        most: int = getattr(rules, f"max_{unit}")
        edges = [
            least,
            least + 1,
            *([] if least == 0 else [least - 1]),
            *([most, most + 1] if 0 < most < 8 else [2, 3]),
        ]
        return self._random.choice(edges if depth < 3 else [least, 0, 1])

    def _key(self, key: Any, rules: Any) -> str:
        value = self._value(key, rules, 0)
        return value if isinstance(value, str) else json.dumps(value)

    def _value(self, field: Any, rules: Any, depth: int) -> Any:
        if field.message_type is None:
            return self._scalar(field, rules)
        name = field.message_type.full_name
        if name in WRAPPERS:
            return self._scalar(field.message_type.fields_by_name["value"], rules)
        make = self._known(name)
        return make() if make else self._message(field.message_type, depth + 1)

    def _known(self, name: str) -> Callable[[], Any] | None:
        pools: dict[str, list[Any]] = {
            "Any": EDGES["anys"],
            "Duration": EDGES["spans"],
            "FieldMask": EDGES["masks"],
            "ListValue": [[], EDGES["values"]],
            "Struct": [{}, {"a": EDGES["values"]}],
            "Timestamp": EDGES["times"],
            "Value": EDGES["values"],
        }
        short = name.removeprefix("google.protobuf.")
        return (lambda: self._random.choice(pools[short])) if name != short and short in pools else None

    def _scalar(self, field: Any, rules: Any) -> Any:
        kind = rules.WhichOneof("type")
        chosen = getattr(rules, kind) if kind else None
        if field.type in INTEGERS:
            return self._integer(INTEGERS[field.type], chosen)
        match field.type:
            case Field.TYPE_STRING:
                return self._text(chosen)
            case Field.TYPE_BYTES:
                return b64encode(self._bytes(chosen)).decode()
            case Field.TYPE_BOOL:
                return self._random.random() < 0.5
            case Field.TYPE_ENUM:
                return self._enum(field.enum_type)
        return self._float(field, chosen)

    def _integer(self, name: str, rules: Any) -> Any:
        lower, upper = RANGES[name]
        edges = _mentioned(rules) or [0]
        near = self._random.choice([*edges, 0, lower, upper, 1, 2**31, 2**53]) + self._random.choice([-1, 0, 0, 1])
        number = self._random.choice([near, near, self._random.randint(lower, upper), self._random.randint(0, 2000)])
        as_text = name.endswith("64") and self._random.random() < 0.8
        return str(number) if as_text else number

    def _float(self, field: Any, rules: Any) -> Any:
        near = [value for value in _mentioned(rules) if abs(value) < 1e308]
        value = self._random.choice(
            [
                *EDGES["floats"],
                *near,
                *near,
                *(self._neighbour(field, edge) for edge in near),
                self._random.uniform(-10, 200),
            ]
        )
        if field.type == Field.TYPE_DOUBLE or isinstance(value, str):
            return value
        return 0.5 if abs(value) > 3e38 else shortest(struct.unpack("<f", struct.pack("<f", value))[0])

    def _neighbour(self, field: Any, value: float) -> float:
        if field.type == Field.TYPE_DOUBLE:
            return value * (1 + self._random.choice([-1, 1]) * 2**-52)
        bits = int.from_bytes(struct.pack("<f", value), "little", signed=True) + self._random.choice([-1, 1])
        near: float = struct.unpack("<f", struct.pack("<i", bits))[0]
        return near

    def _text(self, rules: Any) -> str:
        choice = self._random.random()
        if rules is not None and rules.HasField("pattern") and choice < 0.7:
            return sample(portable(rules.pattern) or "[aé]b?c", self._random)
        mentioned = [value for value in _mentioned(rules) if isinstance(value, str)]
        if mentioned and choice < 0.7:
            text = self._random.choice(mentioned)
            return self._random.choice([text, text, text + "x", "x" + text, text[1:], text * 2])
        lengths = [value for value in _mentioned(rules) if isinstance(value, int) and 0 < value < 200]
        if lengths and choice < 0.8:
            length = max(0, self._random.choice(lengths) + self._random.choice([-1, 0, 1]))
            return "".join(self._random.choice("ab1-é😀" if choice < 0.3 else "ab-") for _ in range(length))
        edge: str = self._random.choice(EDGES["texts"])
        return edge

    def _bytes(self, rules: Any) -> bytes:
        mentioned = [value for value in _mentioned(rules) if isinstance(value, bytes)]
        length = self._random.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17])
        noise = bytes(self._random.choice(b"abqr\x00\xff") for _ in range(length))
        if mentioned and self._random.random() < 0.6:
            return (
                self._random.choice([b"", noise]) + self._random.choice(mentioned) + self._random.choice([b"", noise])
            )
        return noise

    def _enum(self, enum: Any) -> Any:
        known = [value.name for value in enum.values]
        return self._random.choice([*known, *known, 9, -7]) if not enum.is_closed else self._random.choice(known)

    def _mutated(self, value: Any) -> Any:
        """Change one place: another value, one key more or less, a key in camelCase."""
        places = [*_places(value)]
        if not places or self._random.random() < 0.05:
            return self._random.choice(EDGES["junk"])
        holder, key = self._random.choice(places)
        match self._random.randrange(6):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder["unknown"] = 1
            case 2 if isinstance(holder, list):
                holder.append(holder[key])
            case 3 if isinstance(holder[key], str):
                holder[key] = self._random.choice(
                    [holder[key] + "x", holder[key][:-1], holder[key].upper(), holder[key] + " ", holder[key] + "\n"]
                )
            case 4 if isinstance(holder[key], int | float):
                holder[key] = self._random.choice([-holder[key], holder[key] + 1, float(holder[key]), str(holder[key])])
            case _:
                holder[key] = self._random.choice(EDGES["junk"])
        return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in [*items]:
        yield value, key
        yield from _places(child)


def _mentioned(rules: Any) -> list[Any]:
    """Return the values that stand in the rules."""
    if rules is None:
        return []
    found = []
    for field, value in rules.ListFields():
        if field.type != Field.TYPE_BOOL:
            found += list(value) if field.is_repeated else [value]
    return found
