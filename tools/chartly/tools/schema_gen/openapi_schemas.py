"""The schemas that the operations refer to: the JSON Schemas of the contracts, with their references led to the components."""

from collections.abc import Set
from typing import Any

from chartly.contracts.messages.schemas import Schemas as Messages
from chartly.tools.gen.image import Image
from google.protobuf.descriptor import Descriptor, FieldDescriptor

_REF = "#/components/schemas/"
_STATUS = "google.rpc.Status"
# In a raw body these records are JSON objects; in a message each is the text of one.
_RECORDS = ("chartly.api.aggregator.v1.Submission", "data")
# As people type them into a query, where protojson says more of how messages print them.
_AS_TEXT = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.FieldMask": {"type": "string", "pattern": "^([a-z][a-z0-9_.]*(,[a-z][a-z0-9_.]*)*)?$"},
}


class Schemas:
    """Gives schemas out, and remembers which."""

    def __init__(self, image: Image) -> None:
        self._messages = Messages(image.commented, ref=_REF)
        self._given: list[dict[str, Any]] = [_reference(_STATUS)]

    def message(self, message: Descriptor) -> dict[str, Any]:
        """Return the schema of a whole message."""
        return self._give(_reference(message.full_name))

    def rest_of(self, message: Descriptor, elsewhere: Set[str]) -> dict[str, Any]:
        """Return the schema of a message without the fields that travel elsewhere."""
        if not elsewhere:
            return self.message(message)
        return self._give(_without(self._messages.definition(message.full_name), elsewhere))

    def needs(self, message: Descriptor, elsewhere: Set[str]) -> bool:
        """Return whether a message is refused without some field, but those that travel elsewhere."""
        return bool(set(self._messages.definition(message.full_name).get("required", ())) - elsewhere)

    def parameter(self, field: FieldDescriptor) -> tuple[dict[str, Any], bool]:
        """Return the schema of a field without its description, and whether a request without it is refused."""
        assert field.containing_type is not None, field.full_name
        holder = self._messages.definition(field.containing_type.full_name)
        schema = {key: value for key, value in holder["properties"][field.name].items() if key != "description"}
        if field.message_type is not None:
            schema = _AS_TEXT.get(field.message_type.full_name, schema)
        return self._give(schema), field.name in holder.get("required", ())

    def document(self, message: Descriptor) -> dict[str, Any]:
        """Return the schema of a message as people write it, in a raw body."""
        holder, field = _RECORDS
        if message.full_name != holder:
            return self.message(message)
        schema = self._messages.definition(holder)
        records = schema["properties"][field] | {"items": {"type": "object"}}
        return self._give(schema | {"properties": schema["properties"] | {field: records}})

    def components(self) -> dict[str, Any]:
        """Return all that was given out, and all that it leads to, by name."""
        return {name: self._messages.definition(name) for name in self._messages.needed(*self._given)}

    def _give(self, schema: dict[str, Any]) -> dict[str, Any]:
        self._given.append(schema)
        return schema


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": _REF + name}


def _without(schema: dict[str, Any], names: Set[str]) -> dict[str, Any]:
    properties = {name: value for name, value in schema["properties"].items() if name not in names}
    required = [name for name in schema.get("required", ()) if name not in names]
    left = {key: value for key, value in schema.items() if key != "required"}
    return left | {"properties": properties} | ({"required": required} if required else {})
