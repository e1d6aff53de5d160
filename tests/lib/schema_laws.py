"""Two laws between a message's JSON Schema and what reads and checks messages: protojson and protovalidate.

What is valid passes its schema in canonical form. What passes the schema can be read, and breaks no rule but those that the
schema notes as beyond it.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol

import jsonschema_rs
import protovalidate
from chartly.contracts.messages.schemas import Schemas
from chartly.contracts.messages.source import Source
from chartly.tools.gen.image import Image
from google.protobuf import json_format, message_factory
from json_cases import Cases


class Validator(Protocol):
    def is_valid(self, instance: Any, /) -> bool: ...


@dataclasses.dataclass
class Tally:
    """What was tried, and where the two sides disagreed."""

    messages: int = 0
    cases: int = 0
    valid: int = 0
    accepted: int = 0
    disagreements: list[str] = dataclasses.field(default_factory=list)


def try_laws(
    image: Image,
    names: Iterable[str],
    cases_each: int,
    seed: int,
    validator_of: Callable[[dict[str, Any]], Validator] = jsonschema_rs.validator_for,
    change: Callable[[dict[str, Any]], dict[str, Any]] = lambda schema: schema,
) -> Tally:
    """Try both laws on so many cases of each message, with its schema or a changed one."""
    source, schemas, tally = Source(image.commented), Schemas(image.commented), Tally()
    pool, cases = image.pool(), Cases(source, seed)
    for name in names:
        schema = change(schemas.bundle(name))
        subject = _Subject(pool, name, validator_of(schema), schema)
        tally.messages += 1
        for value in islice(cases.of(name), cases_each):
            subject.judge(value, tally)
    return tally


def without(keyword: str) -> Callable[[Any], Any]:
    """Return the change that takes a keyword out of a schema wherever it stands; properties may have its name."""

    def changed(schema: Any) -> Any:
        if isinstance(schema, list):
            return [changed(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        return {
            key: {name: changed(child) for name, child in part.items()}
            if key in ("properties", "$defs")
            else changed(part)
            for key, part in schema.items()
            if key != keyword
        }

    return changed


def patterns_of(image: Image) -> set[str]:
    """Return the patterns of all schemas of an image."""
    schemas = Schemas(image.commented)
    return {pattern for name in schemas.names for pattern in _patterns(schemas.bundle(name))}


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict) and isinstance(schema.get("pattern"), str):
        yield schema["pattern"]
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _patterns(part)


class RulesUsed(NamedTuple):
    """Names of the rules that protovalidate knows, as in `string.max_len`, and of those that the messages have."""

    known: set[str]
    used: set[str]


def rules_used(image: Image) -> RulesUsed:
    """Return both for all messages of an image."""
    source = Source(image.commented)
    messages = [source.message(name) for name in source.own_messages]
    used = {name for message in messages for field in message.fields for name in _set_in(source.field_rules(field), "")}
    kinds: Any = image.pool().FindMessageTypeByName("buf.validate.FieldRules").fields
    known = {
        f"{kind.name}.{rule.name}"
        for kind in kinds
        if kind.containing_oneof is not None
        for rule in kind.message_type.fields
    } | {kind.name for kind in kinds if kind.containing_oneof is None}
    return RulesUsed(known, used)


def _set_in(rules: Any, scope: str) -> Iterator[str]:
    for field, value in rules.ListFields():
        if field.containing_oneof is not None and field.containing_oneof.name == "type":
            yield from _set_in(value, f"{field.name}.")
        elif not field.is_extension:
            yield f"{scope}{field.name}"
            if field.name in ("items", "keys", "values"):
                yield from _set_in(value, "")


class _Subject:
    def __init__(self, pool: Any, name: str, validator: Validator, schema: dict[str, Any]) -> None:
        self._pool, self._name, self._schema, self._noted = pool, name, validator, frozenset(_noted(schema))
        self._type: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
        self._has_any = "google.protobuf.Any" in schema.get(
            "$defs", {}
        )  # what it holds follows from its type, which no schema knows
        self._validator = protovalidate.Validator()

    def judge(self, value: Any, tally: Tally) -> None:
        """Try both laws on one value."""
        tally.cases += 1
        is_accepted = self._schema.is_valid(value)
        tally.accepted += is_accepted
        message, problem = self._read(value)
        if message is None:
            if is_accepted and not self._has_any:
                tally.disagreements.append(
                    f"{self._name}: the schema accepts {value!r}, which cannot be read: {problem}"
                )
            return
        broken = self._broken(message)
        silent = {(place, rule) for place, rule in broken if {(place, rule), ("", rule)}.isdisjoint(self._noted)}
        if is_accepted and silent:
            tally.disagreements.append(f"{self._name}: the schema accepts {value!r}, which breaks {sorted(silent)}")
        if not broken:
            tally.valid += 1
            for canonical in self._canonical(message):
                if not self._schema.is_valid(canonical):
                    tally.disagreements.append(f"{self._name}: the schema rejects {canonical!r}")

    def _broken(self, message: Any) -> set[tuple[str, str]]:
        try:
            return {_rule(violation.proto) for violation in self._validator.collect_violations(message)}
        except protovalidate.EvaluationError:
            return {("value", "bytes.pattern")}  # no other rule of these contracts can fail to be evaluated

    def _read(self, value: Any) -> tuple[Any, str]:
        try:
            return json_format.ParseDict(value, self._type(), descriptor_pool=self._pool), ""
        except (json_format.ParseError, LookupError, ValueError, TypeError, AttributeError) as error:
            return None, repr(error)

    def _canonical(self, message: Any) -> Iterable[Any]:
        for defaults in (False, True):
            yield json_format.MessageToDict(
                message,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=defaults,
                descriptor_pool=self._pool,
            )


def _rule(violation: Any) -> tuple[str, str]:
    """Return the field whose rule was broken, and the rule as the schema's notes name it."""
    elements = list(violation.field.elements) if violation.field is not None else []
    place = elements[-1].field_name if elements else ""
    path = [element.field_name for element in violation.rule.elements] if violation.rule is not None else []
    if not path or path[-1] in ("cel", "cel_expression") or path[-1].startswith("["):
        return place, violation.rule_id
    return place, ".".join(path[-2:])


def _noted(schema: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the field and the rule of each note."""
    if isinstance(schema, list):
        for part in schema:
            yield from _noted(part, place)
    elif isinstance(schema, dict):
        yield from ((place, note.get("id") or note["rule"]) for note in schema.get("x-protovalidate", ()))
        for key, part in schema.items():
            if key == "properties":
                yield from (noted for name, child in part.items() for noted in _noted(child, name))
            elif key != "x-protovalidate":
                yield from _noted(part, "" if key == "$defs" else place)
