"""The requests of a run: parameters, headers and credentials of its profile, for each step of its paging."""

from __future__ import annotations

import urllib.parse

from chartly.api.profile.v1 import profile_pb2
from chartly.drone.fetching import Request, place_of
from chartly.drone.paging import Step
from chartly.drone.secrets import REFERENCE, Secrets
from google.protobuf.struct_pb2 import Value

_ACCEPT = "application/json, application/x-ndjson, text/csv;q=0.9, */*;q=0.5"
_PRIVATE_HEADERS = ("authorization", "cookie", "proxy-authorization")


class Requests:
    """Makes the request of a step: parameters, headers and credentials, with secrets filled in for the profile's host."""

    def __init__(self, rule: profile_pb2.HttpRestSource, secrets: Secrets) -> None:
        self._rule = rule
        self._secrets = secrets
        self._place = place_of(rule.url)

    def of(self, step: Step) -> Request:
        """Return the request of a step; a link to another place goes without what is for the profile's host only.

        Raises:
            SecretNotDeclared, SecretNotForHost: a secret cannot be sent there.
        """
        host = self._place.host
        headers: dict[str, str] = {"accept": _ACCEPT, "user-agent": "chartly"}
        private: dict[str, str] = {}
        for name, value in sorted(self._rule.headers.items()):
            is_private = name.lower() in _PRIVATE_HEADERS or REFERENCE.search(value)
            (private if is_private else headers)[name.lower()] = self._secrets.fill(value, host)
        if self._rule.auth.bearer:
            private["authorization"] = f"Bearer {self._secrets.fill(self._rule.auth.bearer, host)}"
        if place_of(step.url) != self._place:
            private = {}
        return Request(step.url if step.is_link else self._url(step, host), headers, private)

    def _url(self, step: Step, host: str) -> str:
        values = {name: self._secrets.fill(_text(value), host) for name, value in sorted(self._rule.params.items())}
        query = urllib.parse.urlencode({**values, **step.params})
        parts = urllib.parse.urlsplit(step.url)
        return parts._replace(query="&".join(filter(None, (parts.query, query))), fragment="").geturl()


def _text(value: Value) -> str:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "number_value":
            number = value.number_value
            return str(int(number)) if number.is_integer() else repr(number)
    return ""
