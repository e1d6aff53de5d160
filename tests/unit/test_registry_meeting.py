"""Profiles that name the contract which their records meet."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.registry.contract_errors import (
    ContractInUse,
    ContractNotFound,
    ContractNotMet,
    ContractRevisionNotFound,
    UnknownFormat,
)
from chartly.registry.servicer import RegistryServicer
from chartly.registry.store import RegistryStore
from chartly.runtime.identity import Principal
from google.api.httpbody_pb2 import HttpBody

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Caller:
    """What the servicer reads of a context."""

    principal = Principal("k-1", "key/editor", "default", frozenset({"editor"}), frozenset())

    def audit_resource(self, resource: str) -> None:
        """Take what the ledger would name."""


CALLER: Any = Caller()
CONTRACT = {
    "type": "object",
    "properties": {"state": {"enum": ["open", "closed"]}, "price": {"type": "number", "minimum": 0}},
    "required": ["state"],
}
PROTO = """
syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
message Order {
  string state = 1;
  double price = 2 [(buf.validate.field).double.gte = 0];
}
"""
STATE = {"type": "string", "required": True, "enum": ["open", "closed"]}
PRICE = {"type": "number", "required": True, "minimum": 0}


@pytest.fixture
async def registry() -> AsyncIterator[RegistryServicer]:
    async with RegistryStore.open("sqlite+aiosqlite://") as store:
        yield RegistryServicer(store, now=lambda: NOW)


async def keep(registry: RegistryServicer, content: Any, media_type: str = "application/schema+json") -> str:
    data = content if isinstance(content, str) else json.dumps(content)
    body = HttpBody(content_type=media_type, data=data.encode())
    request = pb.CreateContractRevisionRequest(contract_id="orders", body=body)
    return (await registry.CreateContractRevision(request, CALLER)).revision.digest


def a_profile(contract: str = "orders@1", state: Any = STATE, price: Any = PRICE, **more: Any) -> HttpBody:
    profile = {
        "profile_id": "web-orders",
        "contract": contract,
        "source": {"file": {"path": "orders.csv"}},
        "dims": {"state": state},
        "measures": {"price": price},
        "primary_key": ["state"],
    } | more
    return HttpBody(content_type="application/json", data=json.dumps(profile).encode())


async def create(registry: RegistryServicer, body: HttpBody) -> pb.Revision:
    return (await registry.CreateProfile(pb.CreateProfileRequest(body=body), CALLER)).revision


async def update(registry: RegistryServicer, body: HttpBody) -> pb.Revision:
    request = pb.UpdateProfileRequest(profile_id="web-orders", body=body)
    return (await registry.UpdateProfile(request, CALLER)).revision


async def test_a_profile_is_pinned_to_the_revision_that_it_meets(registry: RegistryServicer) -> None:
    digest = await keep(registry, CONTRACT)
    created = await create(registry, a_profile())
    assert created.contract_digest == digest
    await keep(registry, CONTRACT | {"description": "Orders of the shop."})
    assert (await update(registry, a_profile())).contract_digest == digest
    again = await update(registry, a_profile(owner="ops"))
    assert (again.revision, again.contract_digest != digest) == (2, True)


@pytest.mark.parametrize(
    ("changes", "field", "advice"),
    [
        ({"state": {"type": "string"}}, "dims.state", "dims.state"),
        ({"state": {**STATE, "enum": ["open", "lost"]}}, "dims.state", "what the contract allows"),
        ({"price": {"type": "number", "required": True}}, "measures.price", "measures.price.minimum: 0"),
        ({"price": {"type": "number", "minimum": 0}}, "measures.price", "measures.price.required: true"),
        ({"price": {"type": "string", "required": True}}, "measures.price", "Change measures.price"),
    ],
)
async def test_a_profile_that_may_not_meet_it_is_refused(
    registry: RegistryServicer, changes: dict[str, Any], field: str, advice: str
) -> None:
    await keep(registry, CONTRACT)
    with pytest.raises(ContractNotMet, match=r"web-orders may not meet orders 1\.0\.0") as caught:
        await create(registry, a_profile(**changes))
    assert field in {violation.field for violation in caught.value.violations}
    assert any(advice in violation.description for violation in caught.value.violations), caught.value.violations
    answer = await registry.ValidateProfile(pb.ValidateProfileRequest(body=a_profile(**changes)), CALLER)
    assert field in {problem.path for problem in answer.problems}
    assert not (await registry.ListProfiles(pb.ListProfilesRequest(), CALLER)).profiles


async def test_a_field_that_the_contract_lacks_or_needs_is_named(registry: RegistryServicer) -> None:
    await keep(registry, CONTRACT | {"required": ["state", "shop"], "additionalProperties": False})
    with pytest.raises(ContractNotMet) as caught:
        await create(registry, a_profile(measures={"price": PRICE, "weight": {"type": "number"}}))
    told = {violation.field: violation.description for violation in caught.value.violations}
    assert told["measures.weight"].endswith("Take weight out of the profile, or name a contract that has it.")
    assert told["shop"].endswith("Add shop to dims or measures.")


async def test_a_contract_of_protos_is_met_where_absent_fields_are_null(registry: RegistryServicer) -> None:
    digest = await keep(registry, PROTO, "text/x-protobuf")
    optional = {"type": "number", "minimum": 0}
    body = a_profile(price=optional)
    created = await create(registry, body)
    assert created.contract_digest == digest
    with pytest.raises(ContractNotMet, match=r"measures\.price"):
        await update(registry, a_profile(price={"type": "number"}))


async def test_a_contract_that_is_not_there_is_said(registry: RegistryServicer) -> None:
    with pytest.raises(ContractNotFound):
        await create(registry, a_profile())
    await keep(registry, CONTRACT)
    with pytest.raises(ContractRevisionNotFound):
        await create(registry, a_profile("orders@2"))
    answer = await registry.ValidateProfile(pb.ValidateProfileRequest(body=a_profile("orders@2")), CALLER)
    assert [problem.rule for problem in answer.problems] == ["CONTRACT_REVISION_NOT_FOUND"]


async def test_a_contract_that_a_profile_names_stays_until_the_profile_goes(registry: RegistryServicer) -> None:
    await keep(registry, CONTRACT)
    await create(registry, a_profile())
    with pytest.raises(ContractInUse, match="profiles/web-orders"):
        await registry.DeleteContract(pb.DeleteContractRequest(contract_id="orders"), CALLER)
    await registry.DeleteProfile(pb.DeleteProfileRequest(profile_id="web-orders"), CALLER)
    await registry.DeleteContract(pb.DeleteContractRequest(contract_id="orders"), CALLER)


async def test_the_contract_of_a_profile_comes_in_every_form(registry: RegistryServicer) -> None:
    await create(registry, a_profile(""))
    for wanted, words in {
        "json_schema": b"record_id",
        "odcs": b"DataContract",
        "avro": b"double",
        "proto": b"buf.validate",
    }.items():
        request = pb.GetOutputContractRequest(profile_id="web-orders", format=wanted)
        assert words in (await registry.GetOutputContract(request, CALLER)).data
    with pytest.raises(UnknownFormat):
        await registry.GetOutputContract(pb.GetOutputContractRequest(profile_id="web-orders", format="xlsx"), CALLER)


async def test_a_deprecated_contract_is_told_to_those_who_name_it(registry: RegistryServicer) -> None:
    await keep(registry, CONTRACT)
    request = pb.ValidateProfileRequest(body=a_profile())
    assert not (await registry.ValidateProfile(request, CALLER)).warnings
    update = pb.ContractUpdate(deprecation="use orders-se")
    await registry.UpdateContract(pb.UpdateContractRequest(contract_id="orders", contract=update), CALLER)
    answer = await registry.ValidateProfile(request, CALLER)
    assert list(answer.warnings) == ["contract orders@1 is deprecated: use orders-se"]
    assert not answer.problems
