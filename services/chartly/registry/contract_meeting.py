"""Whether every record that a profile's fields allow meets a contract; if not, which field has to change, and how.

The records are those that readers get, so a field that may lack a value may be null. Protojson has no null: for a contract of
protos, such a field may be absent.
"""

from __future__ import annotations

import re
from typing import Any

from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.contracts import Finding, Layer
from chartly.contracts.documents import Form, Kind, schema_of_records
from chartly.contracts.rows.columns import row_of_profile
from chartly.contracts.schemas.changes import implies
from chartly.contracts.schemas.document import SchemaDocument, schema_of
from chartly.contracts.schemas.gaps import Gap

_COLUMN = re.compile(r"(?:properties|required)\.([^.\[]+)")
_BOUNDS = ("minimum", "maximum")


def unmet(profile: Profile, form: Form) -> tuple[Finding, ...]:
    """Return why a record of a profile may not meet a contract, a finding for each field and demand; empty if each does.

    Raises:
        NotExportable: the contract describes no records.
    """
    records = _records(profile, without_null=form.kind is Kind.PROTO)
    return tuple(_finding(profile, gap) for gap in implies(records, schema_of_records(form)))


def contract_named(profile: Profile) -> tuple[str, str]:
    """Return the name and the version or tag of the contract that a profile names."""
    contract_id, _, version = profile.contract.partition("@")
    return contract_id, version or "latest"


def _records(profile: Profile, *, without_null: bool) -> SchemaDocument:
    schema = row_of_profile(profile).schema()
    if without_null:
        properties = schema["properties"]
        schema["required"] = [name for name in schema["required"] if isinstance(properties[name]["type"], str)]
        schema["properties"] = {name: _without_null(each) for name, each in properties.items()}
    return schema_of(schema)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema["type"], str):
        return schema
    kept = {**schema, "type": next(each for each in schema["type"] if each != "null")}
    if "enum" in schema:
        kept["enum"] = [value for value in schema["enum"] if value is not None]
    return kept


def _finding(profile: Profile, gap: Gap) -> Finding:
    found = _COLUMN.match(gap.path)
    name = found[1] if found else ""
    place = _place(profile, name)
    says = f"the contract asks for {gap.keyword} {gap.second}" if gap.second else "the contract has no such field"
    told = f"{says}, and the profile has {gap.first}" if gap.first and gap.second else says
    return Finding(Layer.RULES, _rule(gap), place, told, _advice(gap, name, place), breaks_backward=True)


def _place(profile: Profile, name: str) -> str:
    if name in profile.dims:
        return f"dims.{name}"
    if name in profile.measures:
        return f"measures.{name}"
    return name or "contract"


def _rule(gap: Gap) -> str:
    return "CONTRACT_" + re.sub("([A-Z])", r"_\1", gap.keyword).upper()


def _advice(gap: Gap, name: str, place: str) -> str:
    if gap.keyword == "required":
        return f"Add {name} to dims or measures."
    if gap.keyword == "property" and not gap.second:
        return f"Take {name} out of the profile, or name a contract that has it."
    if gap.keyword == "type" and "null" in gap.first and "null" not in gap.second:
        return f"Set {place}.required: true, or give it a default."
    if gap.keyword in _BOUNDS:
        return f"Set {place}.{gap.keyword}: {gap.second}."
    if gap.keyword in ("enum", "pattern"):
        return f"Set {place}.{gap.keyword} to what the contract allows."
    return f"Change {place}, or name another contract."
