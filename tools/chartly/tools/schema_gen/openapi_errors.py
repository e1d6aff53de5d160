"""The errors of each route: those that its comment names, and those that every route has. A 500 is a bug, and no promise."""

import json
import re
from collections.abc import Mapping
from typing import Any

from chartly.tools.gen.image import Image
from chartly.tools.gen.reference import reasons
from chartly.tools.schema_gen.openapi_routes import Route
from grpc import StatusCode

_PREFIX = "ERROR_REASON_"
_NAMED = re.compile(r"\b([A-Z]{2}[A-Z_]+) \(([A-Z_]+(?:, [A-Z_]+)*)\)")
# AIP-193, but for a body that is too large: the edge says 413 of it.
_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_TITLES = {
    400: "The request is not what the route takes, or the state does not allow it",
    401: "The key is missing or not valid",
    403: "The key may not do that",
    404: "There is no such thing",
    409: "It is there already, or has moved on",
    413: "The body is too large",
    429: "Too much at once",
    503: "A service does not answer; try again",
    504: "The call took too long",
}
_EVERYWHERE = {
    400: ("MALFORMED_REQUEST", "INVALID_FIELD"),
    404: ("ROUTE_NOT_FOUND", "HOST_NOT_SERVED"),
    503: ("SERVICE_UNAVAILABLE", "DRAINING"),
    504: ("DEADLINE_EXCEEDED",),
}
_OF_KEYS = {401: ("KEY_MISSING", "KEY_INVALID"), 403: ("PERMISSION_MISSING",)}
_OF_BODIES = {413: ("BODY_TOO_LARGE",)}
# Statuses whose reasons are the same on all routes that name no other.
_COMMON = {**_OF_KEYS, **_OF_BODIES, 503: _EVERYWHERE[503], 504: _EVERYWHERE[504]}


class Errors:
    """Every reason that the contracts know, as answers and as examples."""

    def __init__(self, image: Image) -> None:
        self._reasons = {reason.name.removeprefix(_PREFIX): reason for reason in reasons(image)}
        self._codes = {name: reason.code for name, reason in self._reasons.items() if reason.code}
        self._used: set[str] = set()

    def of(self, route: Route) -> dict[str, Any]:
        """Return the answers to a call that fails, by status.

        Raises:
            ValueError: the comment of the route names a reason that there is not.
        """
        found = {status: list(names) for status, names in self._everywhere(route).items()}
        for code, names in _NAMED.findall(route.comment):
            for name in names.split(", "):
                if name not in self._reasons:
                    raise ValueError(f"{route.method.full_name}: there is no reason {name}")
                self._codes.setdefault(name, code)
                if (status := self._status(code, name)) and name not in found.setdefault(status, []):
                    found[status].append(name)
        return {str(status): self._answer(status, found[status]) for status in sorted(found)}

    def common_responses(self) -> dict[str, Any]:
        """Return the answers that many routes have alike, by their title in the components."""
        return {_title(status): self._response(status, names) for status, names in _COMMON.items()}

    def examples(self) -> dict[str, Any]:
        """Return an answer for each reason that a route has."""
        return {name: self._example(name) for name in self._reasons if name in self._used}

    @staticmethod
    def _everywhere(route: Route) -> Mapping[int, tuple[str, ...]]:
        return _EVERYWHERE | (_OF_KEYS if route.permission else {}) | (_OF_BODIES if route.has_body else {})

    @staticmethod
    def _status(code: str, reason: str) -> int | None:
        return 413 if reason == "BODY_TOO_LARGE" else _STATUSES.get(code)

    def _answer(self, status: int, names: list[str]) -> dict[str, Any]:
        if _COMMON.get(status) == tuple(names):
            return {"$ref": f"#/components/responses/{_title(status)}"}
        return self._response(status, names)

    def _response(self, status: int, names: list[str] | tuple[str, ...]) -> dict[str, Any]:
        self._used.update(names)
        examples = {name: {"$ref": f"#/components/examples/{name}"} for name in names}
        return {
            "description": f"{_TITLES[status]}: {', '.join(names)}.",
            "headers": {"x-request-id": {"$ref": "#/components/headers/x-request-id"}},
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/google.rpc.Status"}, "examples": examples}
            },
        }

    def _example(self, name: str) -> dict[str, Any]:
        reason = self._reasons[name]
        number, _ = StatusCode[self._codes[name]].value
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason.name,
            "domain": "chartly.dev",
            "metadata": json.loads(reason.metadata),
        }
        value = {"code": number, "message": reason.meaning, "details": [info]}
        return {"summary": reason.meaning, "value": value}


def _title(status: int) -> str:
    return f"Error{status}"
