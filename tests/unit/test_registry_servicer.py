"""The registry's RPCs on SQLite, with a fixed clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chartly import engine
from chartly.api.profile.v1.profile_pb2 import Profile
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.registry.errors import InvalidProfile, ProfileExists, ProfileNotFound, RevisionNotFound
from chartly.registry.servicer import RegistryServicer
from chartly.registry.store import RegistryStore
from chartly.runtime.bodies import BodyTooLarge, UnsupportedMediaType
from chartly.runtime.errors import InvalidPageToken, RequestIdReused
from chartly.runtime.identity import Principal
from google.api.httpbody_pb2 import HttpBody
from jsonschema import Draft202012Validator

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Caller:
    """What the servicer reads of a context."""

    def __init__(self, tenant: str = "default") -> None:
        self.principal = Principal("k-1", "key/editor", tenant, frozenset({"editor"}), frozenset())
        self.resource = ""

    def audit_resource(self, resource: str) -> None:
        self.resource = resource


CALLER: Any = Caller()
STRANGER: Any = Caller("other")


@pytest.fixture
async def store() -> AsyncIterator[RegistryStore]:
    async with RegistryStore.open("sqlite+aiosqlite://") as opened:
        yield opened


@pytest.fixture
def registry(store: RegistryStore) -> RegistryServicer:
    return RegistryServicer(store, now=lambda: NOW)


def a_document(profile_id: str = "shop-orders", **keys: Any) -> dict[str, Any]:
    return {
        "profile_id": profile_id,
        "source": {"file": {"path": "orders.csv"}},
        "dims": {"order_id": {"type": "string", "required": True}},
        "measures": {"amount": {"type": "number", "minimum": 0}},
        "primary_key": ["order_id"],
        **keys,
    }


def a_body(content: dict[str, Any] | bytes | str, content_type: str = "application/json") -> HttpBody:
    if isinstance(content, dict):
        content = json.dumps(content)
    return HttpBody(content_type=content_type, data=content if isinstance(content, bytes) else content.encode())


async def create(registry: RegistryServicer, profile_id: str = "shop-orders", **keys: Any) -> pb.Revision:
    request = pb.CreateProfileRequest(body=a_body(a_document(profile_id, **keys)))
    return (await registry.CreateProfile(request, CALLER)).revision


async def update(
    registry: RegistryServicer, *, base_revision: int = 0, request_id: str = "", **keys: Any
) -> pb.Revision:
    request = pb.UpdateProfileRequest(
        profile_id="shop-orders", body=a_body(a_document(**keys)), base_revision=base_revision, request_id=request_id
    )
    return (await registry.UpdateProfile(request, CALLER)).revision


async def get(registry: RegistryServicer, profile_id: str = "shop-orders", caller: Any = CALLER) -> pb.Revision:
    return (await registry.GetProfile(pb.GetProfileRequest(profile_id=profile_id), caller)).revision


async def delete(registry: RegistryServicer, profile_id: str = "shop-orders") -> None:
    await registry.DeleteProfile(pb.DeleteProfileRequest(profile_id=profile_id), CALLER)


async def listed(registry: RegistryServicer) -> list[str]:
    answer = await registry.ListProfiles(pb.ListProfilesRequest(), CALLER)
    return [revision.profile_id for revision in answer.profiles]


async def validate(registry: RegistryServicer, content: dict[str, Any] | bytes | str) -> pb.ValidateProfileResponse:
    content_type = "application/json" if isinstance(content, dict) else "application/yaml"
    return await registry.ValidateProfile(pb.ValidateProfileRequest(body=a_body(content, content_type)), CALLER)


async def test_a_created_profile_comes_back_whole(registry: RegistryServicer) -> None:
    created = await create(registry, owner="ops", tags=["shop"], schedule={"every": "15m"}, name="Orders")
    assert created == await get(registry)
    assert (created.revision, created.version, created.name, created.every) == (1, "1.0.0", "Orders", "15m")
    assert (created.owner, list(created.tags), created.enabled, created.deleted) == ("ops", ["shop"], True, False)
    assert created.create_time.ToDatetime(UTC) == NOW
    assert created.digest == engine.message_digest(created.profile)
    assert created.profile.dims["order_id"].required


async def test_a_name_and_a_schedule_have_defaults(registry: RegistryServicer) -> None:
    created = await create(registry, enabled=False)
    assert (created.name, created.every, created.enabled) == ("shop-orders", "", False)


async def test_the_ledger_entry_names_the_profile(registry: RegistryServicer) -> None:
    caller: Any = Caller()
    await registry.CreateProfile(pb.CreateProfileRequest(body=a_body(a_document())), caller)
    assert caller.resource == "profiles/shop-orders"


async def test_a_profile_comes_as_yaml_json_or_message_alike(registry: RegistryServicer) -> None:
    yaml = """
        source: {file: {path: orders.csv}}
        dims:
          order_id: {type: string, required: true}
        measures:
          amount: {type: number, minimum: 0}
        primary_key: [order_id]
        profile_id: shop-orders
    """
    message = engine.parse_profile(json.dumps(a_document()).encode(), "json")
    first = await create(registry)
    bodies = [
        a_body(yaml, f"{kind}; charset=utf-8") for kind in ("application/yaml", "text/yaml", "Application/X-YAML")
    ]
    guessed = [a_body(yaml, ""), a_body(a_document(), "")]
    requests = [pb.UpdateProfileRequest(profile_id="shop-orders", body=body) for body in (*bodies, *guessed)]
    requests.append(pb.UpdateProfileRequest(profile_id="shop-orders", profile=message))
    for request in requests:
        assert (await registry.UpdateProfile(request, CALLER)).revision == first


async def test_a_web_page_is_no_profile(registry: RegistryServicer) -> None:
    request = pb.CreateProfileRequest(body=a_body("<html>", "text/html"))
    with pytest.raises(UnsupportedMediaType, match="Nothing was saved") as caught:
        await registry.CreateProfile(request, CALLER)
    assert caught.value.metadata == {
        "content_type": "text/html",
        "expected": "application/json, application/yaml",
    }


async def test_a_profile_of_a_hundred_megabytes_is_refused_unread(registry: RegistryServicer) -> None:
    request = pb.CreateProfileRequest(body=a_body(b"#" * 100_000_000, "application/yaml"))
    with pytest.raises(BodyTooLarge) as caught:
        await registry.CreateProfile(request, CALLER)
    assert caught.value.metadata == {"size_bytes": "100000000", "limit_bytes": "1048576"}


async def test_a_message_has_the_same_limit(registry: RegistryServicer) -> None:
    profile = Profile(profile_id="shop-orders", description="x" * (1 << 20))
    with pytest.raises(BodyTooLarge):
        await registry.CreateProfile(pb.CreateProfileRequest(profile=profile), CALLER)


async def test_every_problem_is_told_at_once_with_its_place(registry: RegistryServicer) -> None:
    yaml = "profile_id: Shop\nsource: {file: {path: a.csv}}\nmeasures:\n  amount: {typ: number}\nowners: me\n"
    with pytest.raises(InvalidProfile, match=r"and 2 more\. Nothing was saved\.") as caught:
        await registry.CreateProfile(pb.CreateProfileRequest(body=a_body(yaml, "application/yaml")), CALLER)
    assert caught.value.metadata == {"problems": "3"}
    assert [(each.field, each.description.split()[0]) for each in caught.value.violations] == [
        ("profile_id", "1:13"),
        ("measures.amount.typ", "4:12"),
        ("owners", "5:1"),
    ]
    assert 'unknown key "owners"; did you mean "owner"?' in caught.value.violations[2].description
    assert await listed(registry) == []


async def test_problems_of_a_message_have_no_place(registry: RegistryServicer) -> None:
    with pytest.raises(InvalidProfile) as caught:
        await registry.CreateProfile(pb.CreateProfileRequest(profile=Profile(profile_id="shop")), CALLER)
    assert all(not each.description[0].isdigit() for each in caught.value.violations)


@pytest.mark.parametrize(
    ("yaml", "rule"),
    [
        ("a: &a [x]\nb: *a\n", "ALIAS_REFUSED"),
        ("profile_id: a\nprofile_id: b\n", "DUPLICATE_KEY"),
        ("measures: {amount: {type: number, minimum: .nan}}\n", "NUMBER_REFUSED"),
        ("measures: {amount: {type: number, minimum: 1e400}}\n", "NUMBER_REFUSED"),
        ("[" * 100, "DOCUMENT_TOO_DEEP"),
        (b"profile_id: \xff\n", "INVALID_UTF8"),
        ("", "SYNTAX_ERROR"),
    ],
)
async def test_bad_documents_are_problems_and_leave_nothing(
    registry: RegistryServicer, yaml: bytes | str, rule: str
) -> None:
    assert [problem.rule for problem in (await validate(registry, yaml)).problems] == [rule]
    with pytest.raises(InvalidProfile):
        await registry.CreateProfile(pb.CreateProfileRequest(body=a_body(yaml, "application/yaml")), CALLER)
    assert await listed(registry) == []


async def test_an_update_is_for_the_profile_that_it_names(registry: RegistryServicer) -> None:
    await create(registry)
    request = pb.UpdateProfileRequest(profile_id="shop-orders", body=a_body(a_document("other")))
    with pytest.raises(InvalidProfile, match='profile_id is "other", and the request names "shop-orders"'):
        await registry.UpdateProfile(request, CALLER)


async def test_revisions_stay_as_they_were(registry: RegistryServicer) -> None:
    first = await create(registry)
    second = await update(registry, owner="ops")
    answer = await registry.ListRevisions(pb.ListRevisionsRequest(profile_id="shop-orders"), CALLER)
    assert [(each.revision, each.version, list(each.changes)) for each in answer.revisions] == [
        (2, "1.0.1", ["owner changed"]),
        (1, "1.0.0", []),
    ]
    assert not any(each.HasField("profile") for each in answer.revisions)
    for version, revision in (("1", first), ("1.0.0", first), ("2", second), ("1.0.1", second)):
        wanted = pb.GetRevisionRequest(profile_id="shop-orders", version=version)
        assert (await registry.GetRevision(wanted, CALLER)).revision == revision


@pytest.mark.parametrize("version", ["3", "9.9.9", "0", "x", "9" * 32, "٣"])
async def test_a_revision_that_is_not_there(registry: RegistryServicer, version: str) -> None:
    await create(registry)
    with pytest.raises(RevisionNotFound):
        await registry.GetRevision(pb.GetRevisionRequest(profile_id="shop-orders", version=version), CALLER)
    with pytest.raises(ProfileNotFound):
        await registry.GetRevision(pb.GetRevisionRequest(profile_id="other", version=version), CALLER)


async def test_a_request_that_is_repeated_answers_the_first_result(registry: RegistryServicer) -> None:
    request = pb.CreateProfileRequest(body=a_body(a_document()), request_id="r1")
    first = await registry.CreateProfile(request, CALLER)
    assert await registry.CreateProfile(request, CALLER) == first
    second = await update(registry, owner="a", request_id="r2")
    third = await update(registry, owner="b", request_id="r3")
    assert await update(registry, owner="a", request_id="r2") == second
    assert (second.revision, third.revision) == (2, 3)
    assert await get(registry) == third


async def test_a_request_id_belongs_to_one_request(registry: RegistryServicer) -> None:
    await create(registry)
    await update(registry, owner="a", request_id="r1")
    with pytest.raises(RequestIdReused):
        await update(registry, owner="b", request_id="r1")
    request = pb.CreateProfileRequest(body=a_body(a_document("other")), request_id="r1")
    with pytest.raises(RequestIdReused):
        await registry.CreateProfile(request, CALLER)
    assert await listed(registry) == ["shop-orders"]


async def test_profiles_are_listed_by_name_in_pages_without_documents(registry: RegistryServicer) -> None:
    for name in ("c", "a", "e", "b", "d"):
        await create(registry, name)
    request, pages = pb.ListProfilesRequest(page_size=2), []
    for _ in range(3):
        page = await registry.ListProfiles(request, CALLER)
        assert not any(each.HasField("profile") for each in page.profiles)
        pages.append([each.profile_id for each in page.profiles])
        request.page_token = page.next_page_token
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert not request.page_token


async def test_revisions_are_listed_in_pages_of_their_profile(registry: RegistryServicer) -> None:
    await create(registry)
    for owner in "abcd":
        await update(registry, owner=owner)
    request, numbers = pb.ListRevisionsRequest(profile_id="shop-orders", page_size=2), []
    for _ in range(3):
        page = await registry.ListRevisions(request, CALLER)
        numbers.append([each.revision for each in page.revisions])
        token, request.page_token = request.page_token, page.next_page_token
    assert numbers == [[5, 4], [3, 2], [1]]
    with pytest.raises(InvalidPageToken):
        await registry.ListRevisions(pb.ListRevisionsRequest(profile_id="other", page_token=token), CALLER)


async def test_a_deleted_profile_is_gone_but_for_its_revisions(registry: RegistryServicer) -> None:
    await create(registry)
    await delete(registry)
    await delete(registry)
    assert await listed(registry) == []
    for call in (get(registry), update(registry, owner="x")):
        with pytest.raises(ProfileNotFound):
            await call
    with pytest.raises(ProfileNotFound):
        await registry.GetOutputContract(pb.GetOutputContractRequest(profile_id="shop-orders"), CALLER)
    answer = await registry.ListRevisions(pb.ListRevisionsRequest(profile_id="shop-orders"), CALLER)
    assert [(each.revision, each.deleted) for each in answer.revisions] == [(1, True)]


async def test_a_deleted_profile_can_be_created_again(registry: RegistryServicer) -> None:
    first = await create(registry)
    with pytest.raises(ProfileExists):
        await create(registry)
    await delete(registry)
    assert await create(registry) == first == await get(registry)
    await delete(registry)
    assert (await create(registry, owner="ops")).revision == 2
    assert await listed(registry) == ["shop-orders"]


async def test_what_is_not_there_is_not_found(registry: RegistryServicer) -> None:
    with pytest.raises(ProfileNotFound):
        await get(registry)
    with pytest.raises(ProfileNotFound):
        await delete(registry)
    with pytest.raises(ProfileNotFound):
        await registry.ListRevisions(pb.ListRevisionsRequest(profile_id="shop-orders"), CALLER)


async def test_a_profile_of_another_tenant_is_not_found(registry: RegistryServicer) -> None:
    await create(registry)
    with pytest.raises(ProfileNotFound):
        await get(registry, caller=STRANGER)
    assert not (await registry.ListProfiles(pb.ListProfilesRequest(), STRANGER)).profiles


async def test_validation_shows_what_saving_would_make_and_saves_nothing(registry: RegistryServicer) -> None:
    fresh = await validate(registry, a_document())
    assert (fresh.revision.revision, fresh.revision.version, fresh.latest_revision) == (1, "1.0.0", 0)
    assert not fresh.revision.HasField("create_time")
    assert await listed(registry) == []
    first = await create(registry)
    same = await validate(registry, a_document())
    assert same == pb.ValidateProfileResponse(revision=first, latest_revision=1)
    changed = await validate(registry, a_document(owner="ops"))
    assert (changed.revision.version, list(changed.changes), changed.latest_revision) == ("1.0.1", ["owner changed"], 1)
    assert await get(registry) == first


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        ({"version": "1.0.0", "owner": "ops"}, "version", "VERSION_TOO_LOW"),
        ({"primary_key": []}, "", "INCOMPATIBLE_CHANGE"),
    ],
)
async def test_validation_shows_what_cannot_follow(
    registry: RegistryServicer, change: dict[str, Any], path: str, rule: str
) -> None:
    await create(registry)
    answer = await validate(registry, a_document(**change))
    assert [(problem.path, problem.rule) for problem in answer.problems] == [(path, rule)]
    assert answer.problems[0].message
    assert (answer.HasField("revision"), answer.latest_revision) == (False, 1)


async def test_the_output_contract_is_a_json_schema_of_records(registry: RegistryServicer) -> None:
    await create(registry)
    body = await registry.GetOutputContract(pb.GetOutputContractRequest(profile_id="shop-orders"), CALLER)
    assert body.content_type == "application/schema+json"
    schema = json.loads(body.data)
    Draft202012Validator.check_schema(schema)
    record = {
        "record_id": "0" * 64,
        "run_id": "r-1",
        "observed_at": None,
        "dims": {"order_id": "7"},
        "measures": {"amount": 9.5},
    }
    validator = Draft202012Validator(schema)
    assert validator.is_valid(record)
    assert not validator.is_valid({**record, "measures": {"amount": -1}})


async def test_concurrent_updates_lose_none_and_number_each(tmp_path: Path) -> None:
    async with RegistryStore.open(f"sqlite+aiosqlite:///{tmp_path}/registry.sqlite") as store:
        registry = RegistryServicer(store, now=lambda: NOW)
        await create(registry)
        revisions = await asyncio.gather(*(update(registry, owner=f"owner {number}") for number in range(480)))
    assert sorted(revision.revision for revision in revisions) == list(range(2, 482))
    assert sorted(int(revision.version.split(".")[2]) for revision in revisions) == list(range(1, 481))


@asynccontextmanager
async def watching(registry: RegistryServicer) -> AsyncIterator[AsyncIterator[pb.WatchProfilesResponse]]:
    async with aclosing(registry.WatchProfiles(pb.WatchProfilesRequest(), CALLER)) as watch:
        yield watch


async def next_of(watch: AsyncIterator[pb.WatchProfilesResponse]) -> pb.WatchProfilesResponse:
    async with asyncio.timeout(5):
        return await anext(watch)


async def test_a_watch_holds_every_profile_first_then_each_that_changes(registry: RegistryServicer) -> None:
    first = await create(registry, "first")
    async with watching(registry) as watch:
        assert await next_of(watch) == pb.WatchProfilesResponse(profiles=[first], complete=True)
        waiting = asyncio.create_task(next_of(watch))
        second = await create(registry)
        assert await waiting == pb.WatchProfilesResponse(profiles=[second])
        changed = await update(registry, owner="ops")
        await delete(registry, "first")
        seen = (await next_of(watch)).profiles
        assert [(each.profile_id, each.deleted) for each in seen] == [("shop-orders", False), ("first", True)]
        assert seen[0] == changed


async def test_a_watch_of_no_profiles_says_that_it_is_complete(registry: RegistryServicer) -> None:
    async with watching(registry) as watch:
        assert await next_of(watch) == pb.WatchProfilesResponse(complete=True)


@pytest.mark.parametrize("count", [7, 8, 9, 16])
async def test_the_first_list_of_a_watch_ends_once(registry: RegistryServicer, count: int) -> None:
    for number in range(count):
        await create(registry, f"p{number}")
    seen = list[str]()
    async with watching(registry) as watch:
        complete = False
        while not complete:
            answer = await next_of(watch)
            seen += [each.profile_id for each in answer.profiles]
            complete = answer.complete
        assert seen == [f"p{number}" for number in range(count)]
        await create(registry, "later")
        assert not (await next_of(watch)).complete
