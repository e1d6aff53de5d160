"""What changed in `buf.validate` rules: tighter ones break those who write, looser ones those who read.

A field without presence is validated even where nobody wrote it, so a field that comes or goes counts as well where its rules
refuse the zero value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from buf.validate import validate_pb2
from chartly.contracts.protos.model import Field, Message, ProtoModel, walk
from chartly.contracts.protos.rules import Atom, atoms_of
from chartly.contracts.report import Finding, Layer

TIGHTENED, LOOSENED, CHANGED = "RULE_TIGHTENED", "RULE_LOOSENED", "RULE_CHANGED"
_ADVICE = {
    TIGHTENED: "Keep the old rule, or put the new one on a new field that writers move to.",
    LOOSENED: "Let every reader take the new contract before anyone writes what the old one refuses.",
    CHANGED: "Keep the old rule, or put the new one on a new field.",
}
_ABSENT_ADDED = "Give the field presence with `optional`, or let its rules allow the zero value."
_ABSENT_REMOVED = "Keep the field until every reader has a contract that can do without it."

_ZEROS: dict[str, Any] = {"string": "", "bytes": b"", "bool": False, "repeated": (), "map": (), "any": ""}

# When a field's value is let through without a look at its rules.
_NEVER, _UNSET, _ZERO, _ALWAYS = range(4)


@dataclass(frozen=True)
class FieldRules:
    """The rules of a field, or of its elements, keys or values.

    presence: whether it knows unset from zero.
    in_oneof: whether a oneof of `buf.validate` names it, which lets zero values pass.
    """

    rules: validate_pb2.FieldRules
    presence: bool
    holds_messages: bool
    in_oneof: bool = False
    enum_numbers: frozenset[int] = frozenset()

    @cached_property
    def kind(self) -> str:
        """Field of FieldRules that holds its rules, as in `int32`; empty for none."""
        return self.rules.WhichOneof("type") or ""

    @cached_property
    def passes(self) -> int:
        """What passes without a look: nothing, unset values, zero values, everything."""
        if self.rules.ignore == validate_pb2.IGNORE_ALWAYS:
            return _ALWAYS
        if self.rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE or self.in_oneof:
            return _ZERO
        return _UNSET if self.presence else _NEVER

    @cached_property
    def required(self) -> int:
        """0 for what may be missing, 1 for what has to be set, 2 for what has to be more than zero."""
        if not self.rules.required or self.passes == _ALWAYS:
            return 0
        return 1 if self.presence else 2

    @cached_property
    def atoms(self) -> tuple[Atom, ...]:
        """What its values have to keep."""
        if self.passes == _ALWAYS:
            return ()
        atoms = [Atom(f"cel {rule.id}", "cel", rule.expression) for rule in self.rules.cel]
        atoms += [Atom("cel", "cel", expression) for expression in self.rules.cel_expression]
        if self.holds_messages:
            atoms.append(Atom("rules of its message", "message", True))
        if self.kind:
            atoms += atoms_of(self.kind, getattr(self.rules, self.kind), self.enum_numbers)
        return tuple(atoms)

    @cached_property
    def refuses_zero(self) -> bool:
        """Whether its rules may refuse the zero value."""
        zero = _ZEROS.get(self.kind, 0)
        return any(not atom.admits(zero) for atom in self.atoms if atom.kind != "message")

    @property
    def refuses_absence(self) -> bool:
        """Whether a message in which nobody wrote it may be refused."""
        return self.required > 0 or (self.passes == _NEVER and self.refuses_zero)


def field_changes(old: FieldRules, new: FieldRules, path: str) -> Iterator[Finding]:
    """Yield what changed between the rules of two fields."""
    prefix = f"{path}.{new.kind or old.kind}" if new.kind or old.kind else path
    for key in walk([atom.key for atom in old.atoms], [atom.key for atom in new.atoms]):
        before, after = ([atom for atom in rules.atoms if atom.key == key] for rules in (old, new))
        tighter = any(not _implied(atom, old.atoms) for atom in after)
        looser = any(not _implied(atom, new.atoms) for atom in before)
        where = path if key.startswith(("cel", "rules of")) else prefix
        yield from _finding(f"{where}.{key}", _text(before), _text(after), tighter=tighter, looser=looser)
    yield from _finding(
        f"{path}.required",
        _required(old),
        _required(new),
        tighter=new.required > old.required,
        looser=new.required < old.required,
    )
    if _ALWAYS not in (old.passes, new.passes):
        tighter, looser = (new.passes < old.passes and new.refuses_zero), (new.passes > old.passes and old.refuses_zero)
        yield from _finding(f"{path}.ignore", _passing(old), _passing(new), tighter=tighter, looser=looser)


def _implied(atom: Atom, by: Iterable[Atom]) -> bool:
    return any(other.implies(atom) for other in by)


def _text(atoms: list[Atom]) -> str:
    return " and ".join(map(str, atoms)) or "no rule"


def _required(rules: FieldRules) -> str:
    return ("may be missing", "has to be set", "has to be set and not zero")[rules.required]


def _passing(rules: FieldRules) -> str:
    return ("a zero value is checked", "an unset value passes", "a zero value passes", "every value passes")[
        rules.passes
    ]


def _finding(path: str, before: str, after: str, *, tighter: bool, looser: bool) -> Iterator[Finding]:
    if tighter or looser:
        rule = CHANGED if tighter and looser else TIGHTENED if tighter else LOOSENED
        yield Finding(Layer.RULES, rule, path, f"{before} -> {after}", _ADVICE[rule], tighter, looser)


def rules_of(model: ProtoModel, message: Message, field: Field) -> Iterator[tuple[str, FieldRules]]:
    """Yield the rules of a field (""), and of its `items`, `keys` and `values`."""
    rules = field.proto.options.Extensions[validate_pb2.field]
    many = field.cardinality in ("repeated", "map")
    in_oneof = any(field.proto.name in one.fields for one in _message_rules(message).oneof)
    presence = not many and field.cardinality != "implicit"
    own = field.is_message and not many and not _is_well_known(field)
    yield "", FieldRules(rules, presence, own, in_oneof, frozenset() if many else _numbers(model, field))
    if field.entry:
        key, value = field.entry.fields[1], field.entry.fields[2]
        yield "map.keys", _element(model, rules.map.keys, key)
        yield "map.values", _element(model, rules.map.values, value)
    elif many:
        yield "repeated.items", _element(model, rules.repeated.items, field)


def _element(model: ProtoModel, rules: validate_pb2.FieldRules, field: Field) -> FieldRules:
    holds = field.is_message and not _is_well_known(field)
    return FieldRules(rules, presence=False, holds_messages=holds, enum_numbers=_numbers(model, field))


def _numbers(model: ProtoModel, field: Field) -> frozenset[int]:
    enum = model.enums.get(field.type_name)
    return frozenset(enum.numbers) if enum else frozenset()


def _is_well_known(field: Field) -> bool:
    return field.type_name.startswith("google.protobuf.")


def both_fields(old: tuple[ProtoModel, Message, Field], new: tuple[ProtoModel, Message, Field]) -> Iterator[Finding]:
    """Yield what changed in the rules of a field that both contracts have."""
    before, after = dict(rules_of(*old)), dict(rules_of(*new))
    if before.keys() != after.keys():
        return  # one is a list or a map and the other is not; nothing reads the other
    for part, was in before.items():
        yield from field_changes(was, after[part], f"{old[2].name}.{part}" if part else old[2].name)


def one_field(model: ProtoModel, message: Message, field: Field, *, added: bool) -> Iterator[Finding]:
    """Yield what a field that only one contract has means for messages in which nobody wrote it."""
    if not next(rules for _, rules in rules_of(model, message, field)).refuses_absence:
        return
    if added:
        text = "the new field's rules refuse a message without it"
        yield Finding(Layer.RULES, TIGHTENED, field.name, text, _ABSENT_ADDED, breaks_backward=True)
    else:
        text = "the removed field's rules refuse a message without it"
        yield Finding(Layer.RULES, LOOSENED, field.name, text, _ABSENT_REMOVED, breaks_forward=True)


def message_changes(old: Message, new: Message) -> Iterator[Finding]:
    """Yield what changed in the rules of a message itself and of its oneofs."""
    before, after = _message_atoms(old), _message_atoms(new)
    for key in walk(before, after):
        was, now = before.get(key, "no rule"), after.get(key, "no rule")
        tighter, looser = was != now and key in after, was != now and key in before
        yield from _finding(f"{old.name}.{key}", was, now, tighter=tighter, looser=looser)
    yield from _oneof_changes(old, new)


def _message_rules(message: Message) -> validate_pb2.MessageRules:
    return message.proto.options.Extensions[validate_pb2.message]  # type: ignore[index]  # a module of that name hides it


def _message_atoms(message: Message) -> Mapping[str, str]:
    rules = _message_rules(message)
    return {
        **{f"cel {rule.id}": rule.expression for rule in rules.cel},
        **{f"cel {expression}": expression for expression in rules.cel_expression},
        **{
            f"oneof {', '.join(sorted(one.fields))}": "exactly one" if one.required else "at most one"
            for one in rules.oneof
        },
    }


def _oneof_changes(old: Message, new: Message) -> Iterator[Finding]:
    before, after = _required_oneofs(old), _required_oneofs(new)
    for name in walk(before, after):
        was, now = before.get(name), after.get(name)
        tighter = now is not None and (was is None or not was <= now)
        looser = was is not None and (now is None or not now <= was)
        yield from _finding(f"{old.name}.{name}.required", _members(was), _members(now), tighter=tighter, looser=looser)


def _members(numbers: frozenset[int] | None) -> str:
    return "no rule" if numbers is None else f"one of fields {sorted(numbers)} is required"


def _required_oneofs(message: Message) -> dict[str, frozenset[int]]:
    required = {one.name for one in message.proto.oneof_decl if one.options.Extensions[validate_pb2.oneof].required}
    return {name: numbers for name, numbers in message.oneofs.items() if name in required}


def predefined_changes(old: Field, new: Field) -> Iterator[Finding]:
    """Yield what changed in a rule that an extension of the rules themselves defines."""
    before, after = ({rule.expression for rule in _predefined(field)} for field in (old, new))
    tighter, looser = bool(after - before), bool(before - after)
    yield from _finding(f"{old.name}.predefined", _texts(before), _texts(after), tighter=tighter, looser=looser)


def _predefined(field: Field) -> Iterable[validate_pb2.Rule]:
    return field.proto.options.Extensions[validate_pb2.predefined].cel


def _texts(expressions: Iterable[str]) -> str:
    return " and ".join(sorted(expressions)) or "no rule"
