"""Findings about protos: what to do about each rule, in one sentence."""

from __future__ import annotations

from chartly.contracts.report import Finding, Layer

ADVICE = {
    "ENUM_NO_DELETE": "Keep the enum and mark it deprecated.",
    "ENUM_SAME_JSON_FORMAT": "Keep the enum's json_format.",
    "ENUM_SAME_TYPE": "Keep the enum open or closed as it was.",
    "ENUM_VALUE_ADDED": "Let every JSON reader take the new contract before anyone writes the new value.",
    "ENUM_VALUE_NO_DELETE": "Keep the value and mark it deprecated; those who wrote its name cannot take it back.",
    "ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED": "Keep the value and mark it deprecated, or reserve at least its name.",
    "ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED": "Keep the value and mark it deprecated, or reserve its number.",
    "ENUM_VALUE_SAME_NAME": "Keep the old name; with allow_alias a second name may stand beside it.",
    "EXTENSION_MESSAGE_NO_DELETE": "Keep the extension range.",
    "EXTENSION_NO_DELETE": "Keep the extension and mark it deprecated.",
    "FIELD_ADDED": "Let every JSON reader take the new contract first, or have it skip names that it does not know.",
    "FIELD_NO_DELETE": "Keep the field and mark it deprecated; those who wrote its name cannot take it back.",
    "FIELD_NO_DELETE_UNLESS_NAME_RESERVED": "Keep the field and mark it deprecated, or reserve at least its name.",
    "FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED": "Keep the field and mark it deprecated, or reserve its number.",
    "FIELD_SAME_CARDINALITY": "Keep the field's label, and add another field for the other one.",
    "FIELD_SAME_CPP_STRING_TYPE": "Keep the field's ctype.",
    "FIELD_SAME_DEFAULT": "Keep the default; readers see it wherever nothing was written.",
    "FIELD_SAME_JSON_NAME": "Keep the field's json_name.",
    "FIELD_SAME_JSTYPE": "Keep the field's jstype.",
    "FIELD_SAME_NAME": "Keep the name, and say the better one in the comment.",
    "FIELD_SAME_NUMBER": "Keep the number.",
    "FIELD_SAME_ONEOF": "Keep the field where it is, and add another field in the other place.",
    "FIELD_SAME_TYPE": "Keep the type, and add a field of the other type with a number of its own.",
    "FIELD_SAME_UTF8_VALIDATION": "Keep utf8_validation as it was.",
    "FIELD_WIRE_COMPATIBLE_CARDINALITY": "Keep the field's label, and add another field for the other one.",
    "FIELD_WIRE_COMPATIBLE_TYPE": "Keep the type, and add a field of the other type with a number of its own.",
    "FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY": "Keep the field's label, and add another field for the other one.",
    "FIELD_WIRE_JSON_COMPATIBLE_TYPE": "Keep the type, and add a field of the other type with a number of its own.",
    "FILE_NO_DELETE": "Keep the file; it may import what moved as `import public`.",
    "FILE_SAME_PACKAGE": "Keep the package, and put the new one beside it.",
    "FILE_SAME_SYNTAX": "Keep the syntax, or check what it changes field by field.",
    "MESSAGE_NO_DELETE": "Keep the message and mark it deprecated.",
    "MESSAGE_NO_REMOVE_STANDARD_DESCRIPTOR_ACCESSOR": "Leave no_standard_descriptor_accessor off.",
    "MESSAGE_SAME_JSON_FORMAT": "Keep the message's json_format.",
    "MESSAGE_SAME_REQUIRED_FIELDS": "Never add or remove required fields; rules of buf.validate can require one.",
    "ONEOF_NO_DELETE": "Keep the oneof.",
    "RECORD_MESSAGE_CHANGED": "Name the message of the document as it was, and save the other one as another contract.",
    "RESERVED_ENUM_NO_DELETE": "Keep what is reserved; old data may still hold it.",
    "RESERVED_MESSAGE_NO_DELETE": "Keep what is reserved; old data may still hold it.",
    "RPC_NO_DELETE": "Keep the method and mark it deprecated.",
    "RPC_SAME_CLIENT_STREAMING": "Keep the method, and add one that streams otherwise.",
    "RPC_SAME_HTTP_ROUTE": "Keep the route, as an additional binding if need be.",
    "RPC_SAME_IDEMPOTENCY_LEVEL": "Keep the idempotency_level; callers retry by it.",
    "RPC_SAME_REQUEST_TYPE": "Keep the request's type, and add fields or another method.",
    "RPC_SAME_RESPONSE_TYPE": "Keep the response's type, and add fields or another method.",
    "RPC_SAME_SERVER_STREAMING": "Keep the method, and add one that streams otherwise.",
    "SERVICE_NO_DELETE": "Keep the service and mark it deprecated.",
}
_OPTION_ADVICE = "Keep the option as it was; generated code depends on it."


def finding(
    rule: str, path: str, message: str, layer: Layer, *, backward: bool = False, forward: bool = False
) -> Finding:
    """Return a finding with the advice of its rule, if it breaks anything."""
    advice = ADVICE.get(rule, _OPTION_ADVICE) if backward or forward else ""
    return Finding(layer, rule, path, message, advice, backward, forward)
