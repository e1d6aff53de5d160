"""Whether a profile's records meet a contract, whatever its source sends, and what to change in the profile where they may not.

The profile itself decides: a value that does not fit its field is never delivered, so what the fields say is what records have.
"""

from __future__ import annotations

from dataclasses import dataclass

from chartly.api.profile.v1 import profile_pb2
from chartly.contracts.rows import row_schema
from chartly.contracts.schema_changes import implies
from chartly.contracts.schema_document import SchemaDocument
from chartly.contracts.schema_gaps import Gap


@dataclass(frozen=True, slots=True)
class Unmet:
    """A demand of a contract that a profile's records may not meet.

    field: of the profile, as in `measures.price`; empty where it is about all of them.
    path: of the demand, as in `properties.price.minimum`.
    message: what the contract asks and what to change.
    """

    field: str
    path: str
    message: str


def unmet(profile: profile_pb2.Profile, contract: SchemaDocument) -> tuple[Unmet, ...]:
    """Return each demand of a contract on flat records that a profile's may not meet; empty if all meet it."""
    return tuple(_unmet(profile, gap) for gap in implies(row_schema(profile), contract))


def _unmet(profile: profile_pb2.Profile, gap: Gap) -> Unmet:
    steps = gap.path.split(".")
    name = steps[1] if len(steps) > 1 and steps[0] in ("properties", "required") else ""
    return Unmet(_field(profile, name), gap.path, _message(profile, name, gap))


def _field(profile: profile_pb2.Profile, name: str) -> str:
    for kind, fields in (("dims", profile.dims), ("measures", profile.measures)):
        if name in fields:
            return f"{kind}.{name}"
    return name


def _message(profile: profile_pb2.Profile, name: str, gap: Gap) -> str:
    field = _field(profile, name)
    asks = f"the contract asks {gap.keyword} {gap.second}".rstrip() if gap.keyword != "property" else ""
    match gap.keyword:
        case "required":
            return f"the contract needs {name}, and the profile has no such field; add it to dims or measures"
        case "property" if gap.first:
            return f"the contract allows no {name}; leave {field} out, or allow it in the contract"
        case "property":
            return f"the contract says something of {name}, and the profile has no such field; add it"
        case "type" if gap.first == ", ".join(sorted(("null", gap.second))):
            return f"{field} may have no value, and the contract needs one; give it required: true, and no severity: warn"
        case "type":
            return f"{field} holds {gap.first or 'any value'}, {asks}; change the field's type"
        case "enum" | "minimum" | "maximum" | "pattern":
            return f"{field}: {asks}, {_had(gap)}; give the field such {gap.keyword}, or a narrower one"
    what = field or "a record"
    return f"{what}: {asks}, {_had(gap)}; no field of a profile can promise it, so the contract has to leave it out"


def _had(gap: Gap) -> str:
    return f"the profile {gap.first}" if gap.first else "the profile nothing of the kind"
