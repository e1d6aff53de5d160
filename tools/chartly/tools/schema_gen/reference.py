"""The page of all messages and enums: what each field means, and the rules that it has to keep."""

from collections.abc import Iterable, Iterator
from typing import Any

from chartly.contracts.messages.source import Source
from chartly.tools.gen.reference import made_from
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FieldDescriptorProto


def schemas_page(descriptors: bytes) -> str:
    """Return the page as Markdown: messages by full name, each followed by its enums."""
    source = Source(descriptors)
    messages = "\n".join(_message(source, source.message(name)) for name in source.own_messages)
    enums = "\n".join(_enum(source, source.enum(name)) for name in source.own_enums)
    return f"{made_from('proto/')}# Messages\n\n{messages}\n# Enums\n\n{enums}"


def _message(source: Source, message: Any) -> str:
    rules = [f"- {text}\n" for text in _message_rules(source, message)]
    rows = (_field(source, field) for field in message.fields)
    table = _table(("field", "type", "rules", "meaning"), rows) if message.fields else ""
    parts = [_heading(source, message.full_name), "".join(rules), table]
    return "\n".join(part for part in parts if part)


def _message_rules(source: Source, message: Any) -> Iterator[str]:
    rules = source.message_rules(message)
    for oneof in source.oneofs(message):
        names = ", ".join(f"`{field.name}`" for field in oneof.fields)
        yield f"{'Exactly' if source.oneof_rules(oneof).required else 'At most'} one of {names}."
    for group in rules.oneof:
        names = ", ".join(f"`{name}`" for name in group.fields)
        yield f"{'Exactly' if group.required else 'At most'} one of {names} is not empty."
    for rule in rules.cel:
        yield f"{rule.message or rule.id}: `{rule.expression}`"
    for expression in rules.cel_expression:
        yield f"`{expression}`"


def _field(source: Source, field: Any) -> tuple[str, ...]:
    rules = text_format.MessageToString(source.field_rules(field), as_one_line=True, as_utf8=True)
    return f"`{field.name}`", _type(field), f"`{rules}`" if rules else "", source.comment(field.full_name)


def _type(field: Any) -> str:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        return f"map of {_type(key)} to {_type(value)}"
    kind = field.message_type or field.enum_type
    name = kind.full_name if kind else _SCALARS[field.type]
    return f"{'list of ' if field.is_repeated else ''}{name}"


_SCALARS = {number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()}


def _enum(source: Source, enum: Any) -> str:
    rows = (
        (f"`{value.name}`", str(value.number), source.comment(f"{enum.full_name}.{value.name}"))
        for value in enum.values
    )
    return f"{_heading(source, enum.full_name)}\n{_table(('value', 'number', 'meaning'), rows)}"


def _heading(source: Source, name: str) -> str:
    comment = source.comment(name)
    return f"## {name}\n" + (f"\n{comment}\n" if comment else "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, tuple("---" for _ in head), *rows)
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
