"""Judging data by the JSON Schema of a contract, where the data are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import jsonschema_rs


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with a value.

    path: JSON Pointer (RFC 6901) to the value; empty for the whole.
    keyword: keyword of the schema that it breaks, as in `minimum`.
    message: what is wrong, in words.
    """

    path: str
    keyword: str
    message: str = ""


class Validator:
    """A contract, compiled: make it once and judge many values."""

    def __init__(self, schema: dict[str, Any] | bool) -> None:
        self._validator = jsonschema_rs.validator_for(schema, retriever=_refuse)

    def is_valid(self, value: Any) -> bool:
        """Say whether a JSON value meets the contract."""
        return bool(self._validator.is_valid(value))

    def problems(self, value: Any) -> list[Problem]:
        """Return all that is wrong with a JSON value, each path and keyword once, sorted by both."""
        found: dict[tuple[bytes, bytes], Problem] = {}
        for error in self._validator.iter_errors(value):
            path, keyword = _pointer(error.instance_path), _keyword(error)
            found.setdefault((path.encode(), keyword.encode()), Problem(path, keyword, error.message))
        return [found[key] for key in sorted(found)]


def _keyword(error: jsonschema_rs.ValidationError) -> str:
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.FalseSchema):
        return "false"
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.PropertyNames):
        return "propertyNames"
    return str(error.schema_path[-1])


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _refuse(uri: str) -> NoReturn:
    """Fetch nothing: a contract is whole in itself."""
    raise LookupError(f"the contract refers to {uri}, which it does not hold")
