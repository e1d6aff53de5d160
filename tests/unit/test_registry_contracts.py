"""The RPCs of contracts on SQLite, with a clock that stands still."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from chartly.api.registry.v1 import contract_pb2
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.api.registry.v1.contract_pb2 import ContractDocument, ContractFile, ContractReference
from chartly.contracts.rows.exports import FORMATS
from chartly.engine import Problem
from chartly.registry.contract_documents import source_of
from chartly.registry.contract_errors import (
    ContractIncompatible,
    ContractInUse,
    ContractNotExportable,
    ContractNotFound,
    ContractRevisionNotFound,
    ContractVersionTooLow,
    InvalidContract,
    KindDiffers,
    UnknownFormat,
)
from chartly.registry.servicer import RegistryServicer
from chartly.registry.store import RegistryStore
from chartly.runtime.bodies import BodyTooLarge, UnsupportedMediaType
from chartly.runtime.errors import InvalidField, InvalidPageToken, RequestIdReused
from chartly.runtime.identity import Principal
from chartly.runtime.interceptors import validate as validate_message
from google.api.httpbody_pb2 import HttpBody

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MODES = contract_pb2.CompatibilityMode
PROTO = "text/x-protobuf"


class Caller:
    """What the servicer reads of a context."""

    def __init__(self, tenant: str = "default") -> None:
        self.principal = Principal("k-1", "key/editor", tenant, frozenset({"editor"}), frozenset())


CALLER: Any = Caller()
STRANGER: Any = Caller("other")


@pytest.fixture
async def store() -> AsyncIterator[RegistryStore]:
    async with RegistryStore.open("sqlite+aiosqlite://") as opened:
        yield opened


@pytest.fixture
def registry(store: RegistryStore) -> RegistryServicer:
    return RegistryServicer(store, now=lambda: NOW)


def a_schema(*names: str, required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {name: {"type": "string", "description": name} for name in names},
        "required": list(required),
        "additionalProperties": False,
    } | more


def a_body(content: Any, content_type: str = "application/schema+json") -> HttpBody:
    data = content if isinstance(content, bytes) else content if isinstance(content, str) else json.dumps(content)
    return HttpBody(content_type=content_type, data=data if isinstance(data, bytes) else data.encode())


async def save(
    registry: RegistryServicer, content: Any, contract_id: str = "orders", caller: Any = CALLER, **fields: Any
) -> contract_pb2.ContractRevision:
    if not isinstance(content, HttpBody | ContractDocument):
        content = a_body(content)
    source = {"body": content} if isinstance(content, HttpBody) else {"document": content}
    request = pb.CreateContractRevisionRequest(contract_id=contract_id, **source, **fields)
    return (await registry.CreateContractRevision(request, caller)).revision


async def get(registry: RegistryServicer, version: str, contract_id: str = "orders", caller: Any = CALLER) -> Any:
    request = pb.GetContractRevisionRequest(contract_id=contract_id, version=version)
    return (await registry.GetContractRevision(request, caller)).revision


async def contract(registry: RegistryServicer, contract_id: str = "orders") -> contract_pb2.Contract:
    return (await registry.GetContract(pb.GetContractRequest(contract_id=contract_id), CALLER)).contract


async def say(
    registry: RegistryServicer, contract_id: str = "orders", mask: tuple[str, ...] = (), **fields: Any
) -> Any:
    request = pb.UpdateContractRequest(contract_id=contract_id, contract=pb.ContractUpdate(**fields))
    request.update_mask.paths.extend(mask)
    return (await registry.UpdateContract(request, CALLER)).contract


async def found(registry: RegistryServicer, query: str = "") -> list[str]:
    answer = await registry.ListContracts(pb.ListContractsRequest(query=query), CALLER)
    return [each.contract_id for each in answer.contracts]


async def check(registry: RegistryServicer, content: Any, mode: str = "", contract_id: str = "orders") -> Any:
    request = pb.CheckCompatibilityRequest(contract_id=contract_id, body=a_body(content))
    if mode:
        request.mode = MODES.Value(f"COMPATIBILITY_MODE_{mode}")
    return (await registry.CheckCompatibility(request, CALLER)).report


async def validate(registry: RegistryServicer, body: HttpBody, **fields: Any) -> pb.ValidateContractResponse:
    return await registry.ValidateContract(pb.ValidateContractRequest(body=body, **fields), CALLER)


def rules(refusal: InvalidContract) -> set[str]:
    return {problem.reason for problem in refusal.problems}


async def test_a_first_revision_makes_the_contract(registry: RegistryServicer) -> None:
    saved = await save(registry, a_schema("state"))
    assert (saved.version, saved.revision, list(saved.tags)) == ("1.0.0", 1, ["latest", "1", "1.0"])
    assert saved.create_time.ToDatetime(UTC) == NOW
    found = await contract(registry)
    assert (found.kind, found.compatibility) == (
        contract_pb2.CONTRACT_KIND_JSON_SCHEMA,
        contract_pb2.COMPATIBILITY_MODE_BACKWARD,
    )
    assert found.latest == saved


async def test_a_revision_comes_back_whole_by_version_tag_and_digest(registry: RegistryServicer) -> None:
    saved = await save(registry, a_schema("state"))
    for version in ("1.0.0", "latest", "1", "1.0", saved.digest):
        revision = await get(registry, version)
        assert (revision.digest, revision.version) == (saved.digest, "1.0.0")
        assert json.loads(revision.document.files[0].text) == a_schema("state")


async def test_tags_move_on_and_revisions_stay(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"), compatibility=MODES.COMPATIBILITY_MODE_NONE)
    await save(registry, a_schema("state", "note"))
    await save(registry, a_schema("state", "note", required=("note",)))
    page = await registry.ListContractRevisions(pb.ListContractRevisionsRequest(contract_id="orders"), CALLER)
    assert [(each.version, list(each.tags)) for each in page.revisions] == [
        ("2.0.0", ["latest", "2", "2.0"]),
        ("1.1.0", ["1", "1.1"]),
        ("1.0.0", ["1.0"]),
    ]
    assert (await get(registry, "1")).version == "1.1.0"


async def test_an_equal_document_adds_nothing(registry: RegistryServicer) -> None:
    first = await save(registry, a_schema("state"))
    again = dict(reversed(list(a_schema("state").items())))
    assert await save(registry, json.dumps(again, indent=4)) == first


async def test_equal_documents_have_one_address_everywhere(registry: RegistryServicer) -> None:
    first = await save(registry, a_schema("state"))
    other = await save(registry, a_schema("state"), "returns")
    strange = await save(registry, a_schema("state"), caller=STRANGER)
    assert first.digest == other.digest == strange.digest
    assert first.digest.startswith("sha256:")


async def test_a_mode_refuses_what_it_does_not_allow(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    with pytest.raises(ContractIncompatible, match="kept BACKWARD") as caught:
        await save(registry, a_schema("state", required=("state",)))
    assert caught.value.violations
    assert (await contract(registry)).latest.version == "1.0.0"
    await say(registry, compatibility=MODES.COMPATIBILITY_MODE_NONE)
    assert (await save(registry, a_schema("state", required=("state",)))).version == "2.0.0"


async def test_a_transitive_mode_judges_every_revision(registry: RegistryServicer) -> None:
    loose, tight = a_schema("state"), a_schema("state", required=("state",))
    await save(registry, loose, compatibility=MODES.COMPATIBILITY_MODE_NONE)
    await save(registry, tight)
    wider = a_schema("state", "note", required=("state",))
    assert (await check(registry, wider, "BACKWARD")).allowed
    report = await check(registry, wider, "BACKWARD_TRANSITIVE")
    assert not report.allowed
    assert {each.against for each in report.findings if each.breaks_backward} == {"1.0.0"}


async def test_a_version_below_the_smallest_is_refused(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    with pytest.raises(ContractVersionTooLow, match=r"smallest that may follow is 1\.1\.0"):
        await save(registry, a_schema("state", "note"), version="1.0.1")
    assert (await save(registry, a_schema("state", "note"), version="3.0.0")).version == "3.0.0"


async def test_a_check_saves_nothing_and_says_what_saving_would(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    report = await check(registry, a_schema("state", "note"))
    assert (report.allowed, report.smallest_version) == (True, "1.1.0")
    assert {(verdict.layer, verdict.backward) for verdict in report.verdicts} == {
        (contract_pb2.LAYER_JSON, True),
        (contract_pb2.LAYER_RULES, True),
    }
    assert (await contract(registry)).latest.version == "1.0.0"
    assert (await check(registry, a_schema("state"))).smallest_version == "1.0.0"


async def test_a_diff_says_what_changed_between_revisions(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    await save(registry, a_schema("state", "note"))
    request = pb.DiffContractRevisionsRequest(contract_id="orders", base="1.0.0")
    report = (await registry.DiffContractRevisions(request, CALLER)).report
    assert [(each.path, each.against) for each in report.findings] == [("properties.note", "1.0.0")]
    request.base, request.target = "latest", "1.0.0"
    assert not (await registry.DiffContractRevisions(request, CALLER)).report.allowed


async def test_a_request_that_is_repeated_answers_the_first_result(registry: RegistryServicer) -> None:
    first = await save(registry, a_schema("state"), request_id="r-1")
    await save(registry, a_schema("state", "note"))
    again = await save(registry, a_schema("state"), request_id="r-1")
    assert (again.version, list(again.tags)) == (first.version, ["1.0"])
    with pytest.raises(RequestIdReused):
        await save(registry, a_schema("other"), request_id="r-1")


async def test_a_contract_keeps_its_kind(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    with pytest.raises(KindDiffers, match="JSON_SCHEMA"):
        await save(registry, a_body('syntax = "proto3";', PROTO))


async def test_a_contract_of_another_tenant_is_not_found(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    with pytest.raises(ContractNotFound):
        await get(registry, "latest", caller=STRANGER)
    with pytest.raises(ContractRevisionNotFound, match="contract revisions orders"):
        await get(registry, "9")


async def test_contracts_are_found_by_the_beginnings_of_their_words(registry: RegistryServicer) -> None:
    await save(registry, a_schema("unitPrice", "state"), "web-orders")
    await save(registry, a_schema("celsius"), "weather")
    await say(registry, "weather", description="Air at the Straße", owner="ops", labels=["climate"])
    for query, names in {
        "": ["weather", "web-orders"],
        "we": ["weather", "web-orders"],
        "price": ["web-orders"],
        "UNITPRICE sta": ["web-orders"],
        "strasse OPS clim": ["weather"],
        "price celsius": [],
    }.items():
        assert await found(registry, query) == names, query
    await say(registry, "weather", mask=("labels",))
    assert await found(registry, "climate") == []
    await save(registry, a_schema("fahrenheit", "celsius"), "weather")
    assert await found(registry, "fahrenheit") == ["weather"]


@pytest.mark.parametrize("query", ["%", "_ -", "\u0000"])
async def test_a_query_without_a_word_is_refused(registry: RegistryServicer, query: str) -> None:
    await save(registry, a_schema("state"))
    with pytest.raises(InvalidField, match="no letter and no digit"):
        await found(registry, query)
    assert await found(registry, " ") == ["orders"]


async def test_contracts_are_listed_in_pages_of_their_query(registry: RegistryServicer) -> None:
    for name in ("a", "b", "c"):
        await save(registry, a_schema("state"), f"orders-{name}")
    request, names = pb.ListContractsRequest(page_size=2, query="state"), []
    while True:
        page = await registry.ListContracts(request, CALLER)
        names += [each.contract_id for each in page.contracts]
        if not (token := page.next_page_token):
            break
        request.page_token = token
    assert names == ["orders-a", "orders-b", "orders-c"]
    with pytest.raises(InvalidPageToken):
        await registry.ListContracts(
            pb.ListContractsRequest(
                query="b",
                page_token=(await registry.ListContracts(pb.ListContractsRequest(page_size=1), CALLER)).next_page_token,
            ),
            CALLER,
        )


async def test_an_update_changes_what_it_names(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    said = await say(registry, owner="ops", labels=["shop"], deprecation="use orders-v2")
    assert (said.owner, list(said.labels), said.deprecation) == ("ops", ["shop"], "use orders-v2")
    said = await say(registry, mask=("deprecation",))
    assert (said.owner, said.deprecation) == ("ops", "")
    assert said == await contract(registry)
    with pytest.raises(InvalidField, match="colour"):
        await say(registry, mask=("colour",))
    with pytest.raises(InvalidField, match="always has one"):
        await say(registry, mask=("compatibility",))
    with pytest.raises(
        InvalidField, match="name what to change: compatibility, description, owner, labels, deprecation"
    ):
        await say(registry)


async def test_updates_at_the_same_time_are_all_kept(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    for number in range(10):
        mode = contract_pb2.COMPATIBILITY_MODE_FULL if number % 2 else contract_pb2.COMPATIBILITY_MODE_FORWARD
        owner, description = f"owner {number}", f"text {number}"
        await asyncio.gather(
            say(registry, compatibility=mode), say(registry, owner=owner), say(registry, description=description)
        )
        said = await contract(registry)
        assert (said.compatibility, said.owner, said.description) == (mode, owner, description)


MONEY = 'syntax = "proto3"; package common.v1; message Money { string currency = 1; int64 units = 2; }'
ORDER = """
    syntax = "proto3";
    package shop.v1;
    import "common/v1/money.proto";
    message Order { string order_id = 1; common.v1.Money price = 2; }
"""


def protos(references: tuple[tuple[str, str, str], ...] = (), **files: str) -> ContractDocument:
    return ContractDocument(
        kind=contract_pb2.CONTRACT_KIND_PROTO,
        files=[ContractFile(path=path.replace("__", "/") + ".proto", text=text) for path, text in files.items()],
        references=[ContractReference(name=name, contract_id=target, version=v) for name, target, v in references],
    )


async def test_protos_refer_to_other_contracts(registry: RegistryServicer) -> None:
    money = await save(registry, a_body(MONEY, PROTO), "money")
    refer = (("common/v1/money.proto", "money", "1"),)
    order = await save(registry, protos(refer, shop__v1__order=ORDER))
    assert [(each.contract_id, each.version, each.digest) for each in order.references] == [
        ("money", "1.0.0", money.digest)
    ]
    body = a_body(ORDER, PROTO)
    as_body = await save(registry, body, "orders-2", references=["common/v1/money.proto=money@latest"])
    assert [each.digest for each in as_body.references] == [money.digest]


async def test_a_reference_stays_where_it_led_when_saved(registry: RegistryServicer) -> None:
    await save(registry, a_body(MONEY, PROTO), "money")
    refer = (("common/v1/money.proto", "money", ""),)
    first = await save(registry, protos(refer, shop__v1__order=ORDER))
    await save(registry, a_body(MONEY.replace("2; }", "2; int32 nanos = 3; }"), PROTO), "money")
    assert (await get(registry, "1")).references == first.references
    second = await save(registry, protos(refer, shop__v1__order=ORDER))
    assert second.digest != first.digest
    assert second.references[0].version != first.references[0].version


async def test_a_contract_that_is_referred_to_stays(registry: RegistryServicer) -> None:
    await save(registry, a_body(MONEY, PROTO), "money")
    refer = (("common/v1/money.proto", "money", "1"),)
    await save(registry, protos(refer, shop__v1__order=ORDER))
    with pytest.raises(ContractInUse, match="contracts/orders"):
        await registry.DeleteContract(pb.DeleteContractRequest(contract_id="money"), CALLER)
    await registry.DeleteContract(pb.DeleteContractRequest(contract_id="orders"), CALLER)
    await registry.DeleteContract(pb.DeleteContractRequest(contract_id="money"), CALLER)
    assert await found(registry) == []
    with pytest.raises(ContractNotFound):
        await registry.DeleteContract(pb.DeleteContractRequest(contract_id="money"), CALLER)


async def test_deleting_leaves_documents_that_others_have(registry: RegistryServicer) -> None:
    for name in ("orders", "returns"):
        await save(registry, a_schema("state"), name)
    await registry.DeleteContract(pb.DeleteContractRequest(contract_id="orders"), CALLER)
    assert (await get(registry, "1", "returns")).document.files
    assert (await save(registry, a_schema("else"))).version == "1.0.0"
    assert await found(registry, "state") == ["returns"]


@pytest.mark.parametrize("version", ["one", "1.2.3.4", "1" * 30, "٣"])
async def test_a_reference_to_what_is_no_version_is_a_problem(registry: RegistryServicer, version: str) -> None:
    await save(registry, a_schema("state"), "money")
    with pytest.raises(InvalidContract, match="which is not there") as caught:
        await save(registry, protos((("common/v1/money.proto", "money", version),), order=ORDER))
    assert rules(caught.value) == {"REFERENCE_NOT_FOUND"}


async def test_a_reference_that_leads_nowhere_is_a_problem(registry: RegistryServicer) -> None:
    with pytest.raises(InvalidContract, match="money@1, which is not there") as caught:
        await save(registry, protos((("common/v1/money.proto", "money", "1"),), order=ORDER))
    assert rules(caught.value) == {"REFERENCE_NOT_FOUND"}
    assert await found(registry) == []


async def test_lint_tells_of_a_deprecated_reference(registry: RegistryServicer) -> None:
    await save(registry, a_body(MONEY, PROTO), "money")
    await say(registry, "money", deprecation="use cash")
    answer = await validate(registry, a_body(ORDER, PROTO), references=["common/v1/money.proto=money@1"])
    told = [(each.rule, "use cash" in each.message) for each in answer.lint if not each.rule.startswith("COMMENT_")]
    assert told == [("REFERENCE_DEPRECATED", True)]
    assert answer.digest.startswith("sha256:")


async def test_a_data_contract_of_what_is_deprecated_says_so(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    request = pb.ExportContractRequest(contract_id="orders", version="latest", format="odcs")
    assert b"status: active\n" in (await registry.ExportContract(request, CALLER)).data
    await say(registry, deprecation="use returns")
    assert b"status: deprecated\n" in (await registry.ExportContract(request, CALLER)).data


async def test_schemas_refer_to_other_contracts_by_uri(registry: RegistryServicer) -> None:
    await save(registry, a_schema("currency"), "money")
    schema = a_schema("state", properties={"price": {"$ref": "https://shop.example/money"}})
    saved = await save(registry, schema, references=["https://shop.example/money=money@1"])
    assert saved.references[0].contract_id == "money"
    with pytest.raises(InvalidContract) as caught:
        await save(registry, schema, "other")
    assert rules(caught.value) == {"REFERENCE_MISSING"}


async def test_an_archive_holds_several_files(registry: RegistryServicer) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("common/v1/money.proto", MONEY)
        archive.writestr("shop/v1/order.proto", ORDER)
    saved = await save(registry, a_body(packed.getvalue(), "application/zip"))
    paths = [file.path for file in (await get(registry, saved.version)).document.files]
    assert paths == ["common/v1/money.proto", "shop/v1/order.proto"]


async def test_an_archive_that_swells_is_refused_unread(registry: RegistryServicer) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.proto", b"0" * (50 << 20))
    with pytest.raises(BodyTooLarge):
        await save(registry, a_body(packed.getvalue(), "application/zip"))
    with pytest.raises(InvalidContract) as caught:
        await save(registry, a_body(b"PK nonsense", "application/zip"))
    assert rules(caught.value) == {"BAD_ARCHIVE"}


def an_archive(files: dict[str, str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return packed.getvalue()


def paths_in(archive: bytes) -> list[str]:
    source, _ = source_of(pb.ValidateContractRequest(body=a_body(archive, "application/zip")))
    return list(source.files)


@pytest.mark.parametrize("damage", [0x00, 0x01, 0x80, 0xFF])
def test_a_damaged_archive_is_a_problem_wherever_the_damage_is(damage: int) -> None:
    whole = an_archive({"money.proto": MONEY * 3})
    outcomes = set()
    for place in range(len(whole)):
        broken = whole[:place] + bytes([whole[place] ^ damage]) + whole[place + 1 :] if damage else whole[:place]
        try:
            paths_in(broken)
            outcomes.add("read")
        except InvalidContract as refusal:
            outcomes |= rules(refusal)
        except BodyTooLarge:
            outcomes.add("too large")
    assert "BAD_ARCHIVE" in outcomes
    assert outcomes <= {"BAD_ARCHIVE", "PATH_REFUSED", "NO_FILES", "read", "too large"}


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_of_another_compression_says_what_is_read(compression: int) -> None:
    with pytest.raises(InvalidContract, match="neither stored nor deflated") as caught:
        paths_in(an_archive({"money.proto": MONEY}, compression))
    assert rules(caught.value) == {"BAD_ARCHIVE"}


def test_what_a_desktop_adds_to_an_archive_is_passed_over() -> None:
    added = {"__MACOSX/._money.proto": "\x00", "common/.DS_Store": "\x00", ".DS_Store": ""}
    assert paths_in(an_archive({"common/money.proto": MONEY} | added, zipfile.ZIP_STORED)) == ["common/money.proto"]
    with pytest.raises(InvalidContract, match="no relative path"):
        paths_in(an_archive({"money.proto": MONEY, ".git/config": ""}))


async def test_fifty_megabytes_are_refused_unread(registry: RegistryServicer) -> None:
    with pytest.raises(BodyTooLarge):
        await save(registry, a_body(b"x" * (50 << 20)))
    with pytest.raises(BodyTooLarge):
        await save(registry, protos(huge="/" * (50 << 20)))
    with pytest.raises(UnsupportedMediaType):
        await save(registry, a_body("<html>", "text/html"))


IMPORTS_B = 'syntax = "proto3"; import "b.proto"; message A { B b = 1; }'
IMPORTS_A = 'syntax = "proto3"; import "a.proto"; message B { A a = 1; }'


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (a_body({"$schema": "https://example.com/mine"}), "UNKNOWN_DIALECT"),
        (a_body({"$ref": "#"}), "REFERENCE_LOOP"),
        (a_body({"type": "obiect"}), "SCHEMA_INVALID"),
        (a_body('{"type": "object", "type": "string"}'), "DUPLICATE_KEY"),
        (a_body({"pattern": "(?=a)a"}), "PATTERN_REFUSED"),
        (a_body('syntax = "proto3"; message A { B b = 1; }', PROTO), "PROTO_REFUSED"),
        (a_body('syntax = "proto3"; import "gone.proto";', PROTO), "IMPORT_MISSING"),
        (protos(a=IMPORTS_B, b=IMPORTS_A), "PROTO_REFUSED"),
        (protos(a=MONEY, A=MONEY), "DUPLICATE_PATH"),
        (protos(größe=MONEY), "PATH_REFUSED"),
        (
            ContractDocument(
                kind=contract_pb2.CONTRACT_KIND_JSON_SCHEMA, files=[ContractFile(path=p, text="{}") for p in "ab"]
            ),
            "TOO_MANY_FILES",
        ),
        (ContractDocument(message="B", files=[ContractFile(path="a.proto", text=MONEY)]), "MESSAGE_NOT_FOUND"),
        (a_body(b'{"a": "\xff"}'), "INVALID_UTF8"),
    ],
)
async def test_bad_documents_are_problems_and_leave_nothing(
    registry: RegistryServicer, content: HttpBody | ContractDocument, rule: str
) -> None:
    with pytest.raises(InvalidContract) as caught:
        await save(registry, content)
    assert rule in rules(caught.value), caught.value.problems
    source = {"body": content} if isinstance(content, HttpBody) else {"document": content}
    answer = await registry.ValidateContract(pb.ValidateContractRequest(**source), CALLER)
    assert rule in {problem.rule for problem in answer.problems}
    assert await found(registry) == []


async def test_a_schema_that_doubles_with_every_line_is_refused(registry: RegistryServicer) -> None:
    bomb = {f"a{i}": {"anyOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(40)} | {"a40": {}}
    with pytest.raises(InvalidContract):
        await save(registry, {"$ref": "#/$defs/a0", "$defs": bomb})


async def test_a_message_of_ten_thousand_fields_is_one_like_any(registry: RegistryServicer) -> None:
    fields = "\n".join(
        f"  string field_{number} = {number if number < 19000 else number + 1000};" for number in range(1, 10001)
    )
    saved = await save(registry, a_body(f'syntax = "proto3"; message Wide {{\n{fields}\n}}', PROTO))
    assert saved.version == "1.0.0"
    assert await found(registry, "field 9999") == ["orders"]


async def test_a_contract_is_exported_as_it_is_and_in_no_unknown_form(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state"))
    request = pb.ExportContractRequest(contract_id="orders", version="latest")
    body = await registry.ExportContract(request, CALLER)
    assert body.content_type == "application/schema+json"
    assert json.loads(body.data) == a_schema("state")
    request.format = "xlsx"
    with pytest.raises(UnknownFormat, match="avro"):
        await registry.ExportContract(request, CALLER)


async def exported(registry: RegistryServicer, wanted: str, contract_id: str = "orders") -> HttpBody:
    request = pb.ExportContractRequest(contract_id=contract_id, version="latest", format=wanted)
    return await registry.ExportContract(request, CALLER)


@pytest.mark.parametrize(
    "content",
    [
        a_body(a_schema("state", "note", required=("state",))),
        a_body('syntax = "proto3"; package shop.v1; message Order { string state = 1; string note = 2; }', PROTO),
    ],
)
async def test_a_flat_contract_comes_in_every_form(registry: RegistryServicer, content: HttpBody) -> None:
    await save(registry, content)
    for wanted in FORMATS:
        assert b"state" in (await exported(registry, wanted)).data, wanted


async def test_what_a_form_cannot_carry_is_named(registry: RegistryServicer) -> None:
    await save(registry, a_schema("state", properties={"lines": {"type": "array"}}))
    with pytest.raises(ContractNotExportable, match=r"properties\.lines"):
        await exported(registry, "avro")


DATA_CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: shop-orders
version: 1.0.0
status: active
schema:
  - name: orders
    logicalType: object
    properties:
      - {name: state, logicalType: string, required: true}
"""


async def test_a_data_contract_is_known_by_its_words(registry: RegistryServicer) -> None:
    await save(registry, a_body(DATA_CONTRACT, "application/yaml"))
    assert (await contract(registry)).kind == contract_pb2.CONTRACT_KIND_ODCS
    assert await found(registry, "state") == ["orders"]
    wider = DATA_CONTRACT + "      - {name: note, logicalType: string}\n"
    assert (await save(registry, a_body(wider, "application/yaml"))).version == "1.1.0"
    for wanted in FORMATS:
        assert b"state" in (await exported(registry, wanted)).data, wanted


def test_an_error_names_a_thousand_problems_and_counts_all() -> None:
    error = InvalidContract([Problem(line, 1, "a.proto", "PROTO_REFUSED", "wrong") for line in range(1, 9801)])
    assert (len(error.violations), error.metadata["problems"]) == (1000, "9800")
    assert "9799 more" in error.message


@pytest.mark.parametrize(("base", "said"), [("", "value is required"), ("one", "does not match")])
def test_a_diff_without_a_base_says_that_one_is_required(base: str, said: str) -> None:
    with pytest.raises(InvalidField) as caught:
        validate_message(pb.DiffContractRevisionsRequest(contract_id="orders", base=base))
    assert [(each.field, each.description.startswith(said)) for each in caught.value.violations] == [("base", True)]
