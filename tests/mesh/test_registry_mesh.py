"""Auth, audit and registry as real servers that call each other: who may do what, and what the ledger says of it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from chartly import runtime
from chartly.api.audit.v1 import audit_pb2
from chartly.api.audit.v1.audit_pb2_grpc import AuditServiceStub
from chartly.api.auth.v1 import auth_pb2
from chartly.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from chartly.audit.__main__ import wire as wire_audit
from chartly.audit.config import AuditSettings
from chartly.audit.store import AuditStore
from chartly.audit.verification import verify
from chartly.auth.__main__ import wire as wire_auth
from chartly.auth.config import AuthSettings
from chartly.auth.store import AuthStore
from chartly.registry.__main__ import wire as wire_registry
from chartly.registry.config import RegistrySettings
from chartly.registry.store import RegistryStore
from chartly.runtime.errors import error_of
from chartly.runtime.keys import generate_secret
from google.api.httpbody_pb2 import HttpBody

REASON = ErrorReason


@dataclass
class Mesh:
    """Three services on free ports, and the keys of their callers."""

    data_dir: Path
    stack: AsyncExitStack
    ports: dict[str, int]
    servers: dict[str, runtime.Server] = field(default_factory=dict)
    parts: dict[str, AsyncExitStack] = field(default_factory=dict)

    def settings(self, service: str, **more: Any) -> dict[str, Any]:
        urls = {f"{name}_url": f"127.0.0.1:{port}" for name, port in self.ports.items()}
        key_file = self.data_dir / "keys" / f"{service}.key"
        own = {"port": self.ports[service], "metrics_port": 0, "data_dir": self.data_dir, "drain_seconds": 1}
        return {**urls, **own, "api_key_file": key_file, **more}

    async def start(self, service: str, **more: Any) -> None:
        part = self.parts[service] = await self.stack.enter_async_context(AsyncExitStack())
        kinds: dict[str, tuple[Any, Any, Any]] = {
            "auth": (AuthSettings, AuthStore, wire_auth),
            "audit": (AuditSettings, AuditStore, wire_audit),
            "registry": (RegistrySettings, RegistryStore, wire_registry),
        }
        settings_class, store_class, wire = kinds[service]
        settings = settings_class(**self.settings(service, **more))
        store = await part.enter_async_context(store_class.open(settings.database_url))
        clients = await part.enter_async_context(runtime.Clients(settings))
        wired = wire(settings, store, clients)
        server = self.servers[service] = await wired if asyncio.iscoroutine(wired) else wired
        await server.start()
        part.push_async_callback(server.stop)

    async def stop(self, service: str) -> None:
        await self.parts[service].aclose()

    def stub(self, stub_class: Any, secret: str = "") -> Any:
        key_file = self.data_dir / f"caller-{secret[:16]}.key" if secret else None
        if key_file:
            key_file.write_text(secret)
        clients = runtime.Clients(RegistrySettings(**self.settings("registry", api_key_file=key_file)))
        self.stack.push_async_callback(clients.close)
        return clients.stub(stub_class)

    @property
    def admin(self) -> str:
        return (self.data_dir / "admin.key").read_text().strip()

    async def key_of(self, *roles: str) -> tuple[str, str]:
        """Create a key; return its id and its secret."""
        auth = self.stub(AuthServiceStub, self.admin)
        created = await auth.CreateKey(auth_pb2.CreateKeyRequest(name="-".join(roles), roles=roles))
        return created.key.key_id, created.secret

    async def ledger(self, count: int) -> list[audit_pb2.Entry]:
        """The ledger's entries, once there are as many."""
        audit = self.stub(AuditServiceStub)
        for _ in range(500):
            head = await audit.GetTreeHead(audit_pb2.GetTreeHeadRequest())
            if head.tree_size >= count:
                break
            await asyncio.sleep(0.02)
        assert head.tree_size == count
        entries = (await audit.ListEntries(audit_pb2.ListEntriesRequest())).entries
        assert verify(entries, head) is None
        return list(entries)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    (tmp_path / "keys").mkdir()
    (tmp_path / "admin.key").write_text(generate_secret())
    names = ("auth", "audit", "registry")
    for name in names:
        (tmp_path / "keys" / f"{name}.key").write_text(generate_secret())
    async with AsyncExitStack() as stack:
        started = Mesh(tmp_path, stack, dict(zip(names, free_ports(len(names)), strict=True)))
        for name in names:
            await started.start(name)
        yield started


def a_request(profile_id: str = "shop-orders", *, request_id: str = "", **keys: Any) -> pb.CreateProfileRequest:
    document = {
        "profile_id": profile_id,
        "source": {"file": {"path": "orders.csv"}},
        "measures": {"amount": {"type": "number"}},
        **keys,
    }
    body = HttpBody(content_type="application/json", data=json.dumps(document).encode())
    return pb.CreateProfileRequest(body=body, request_id=request_id)


async def refusal(call: Any) -> runtime.ChartlyError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_of(caught.value)


async def test_whoever_has_no_key_reads_and_changes_nothing(mesh: Mesh) -> None:
    registry = mesh.stub(RegistryServiceStub)
    error = await refusal(registry.CreateProfile(a_request()))
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, REASON.ERROR_REASON_PERMISSION_MISSING)
    assert error.metadata["permission"] == "registry.profiles.create"
    assert not (await registry.ListProfiles(pb.ListProfilesRequest())).profiles
    keys = mesh.stub(AuthServiceStub).ListKeys(auth_pb2.ListKeysRequest())
    assert (await refusal(keys)).reason == REASON.ERROR_REASON_PERMISSION_MISSING


async def test_each_change_and_each_refusal_is_in_the_ledger(mesh: Mesh) -> None:
    await refusal(mesh.stub(RegistryServiceStub).CreateProfile(a_request()))
    admin = mesh.stub(RegistryServiceStub, mesh.admin)
    await admin.CreateProfile(a_request())
    await refusal(admin.CreateProfile(a_request()))
    await admin.GetProfile(pb.GetProfileRequest(profile_id="shop-orders"))
    await admin.DeleteProfile(pb.DeleteProfileRequest(profile_id="shop-orders"))
    events = [entry.event for entry in await mesh.ledger(4)]
    assert [(each.actor, each.action, each.resource, each.outcome) for each in events] == [
        ("anonymous", "profile.create", "profiles", "PERMISSION_DENIED"),
        ("key/admin", "profile.create", "profiles/shop-orders", "OK"),
        ("key/admin", "profile.create", "profiles/shop-orders", "ALREADY_EXISTS"),
        ("key/admin", "profile.delete", "profiles/shop-orders", "OK"),
    ]


async def test_a_new_key_does_what_its_roles_may(mesh: Mesh) -> None:
    _, editor = await mesh.key_of("editor")
    _, viewer = await mesh.key_of("viewer")
    created = await mesh.stub(RegistryServiceStub, editor).CreateProfile(a_request())
    assert created.revision.version == "1.0.0"
    error = await refusal(mesh.stub(RegistryServiceStub, viewer).CreateProfile(a_request("other")))
    assert error.metadata["principal"] == "key/viewer"
    events = [entry.event for entry in await mesh.ledger(4)]
    assert {(each.action, each.resource) for each in events} >= {("key.create", "keys/editor")}
    assert not any(editor in str(event) for event in events)


async def test_a_revoked_or_unknown_key_is_nobodys(mesh: Mesh) -> None:
    key_id, secret = await mesh.key_of("editor")
    await mesh.stub(AuthServiceStub, mesh.admin).RevokeKey(auth_pb2.RevokeKeyRequest(key_id=key_id))
    for nobody in (secret, generate_secret(), "chk_nonsense"):
        error = await refusal(mesh.stub(RegistryServiceStub, nobody).ListProfiles(pb.ListProfilesRequest()))
        assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, REASON.ERROR_REASON_KEY_INVALID)


async def test_only_services_append_to_the_ledger(mesh: Mesh) -> None:
    event = audit_pb2.Event(event_id="e", tenant="default", actor="x", action="x", resource="x", outcome="OK")
    event.time.GetCurrentTime()
    audit = mesh.stub(AuditServiceStub, mesh.admin)
    error = await refusal(audit.AppendEntries(audit_pb2.AppendEntriesRequest(events=[event])))
    assert error.reason == REASON.ERROR_REASON_PERMISSION_MISSING


async def test_a_mesh_without_anonymous_callers_asks_for_a_key(mesh: Mesh) -> None:
    await mesh.stop("registry")
    await mesh.start("registry", allow_anonymous=False)
    error = await refusal(mesh.stub(RegistryServiceStub).ListProfiles(pb.ListProfilesRequest()))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, REASON.ERROR_REASON_KEY_MISSING)
    assert not (await mesh.stub(RegistryServiceStub, mesh.admin).ListProfiles(pb.ListProfilesRequest())).profiles


async def test_problems_reach_the_caller_with_their_places(mesh: Mesh) -> None:
    body = HttpBody(content_type="application/yaml", data=b"profile_id: a\npaginaton: {}\n")
    admin = mesh.stub(RegistryServiceStub, mesh.admin)
    error = await refusal(admin.CreateProfile(pb.CreateProfileRequest(body=body)))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, REASON.ERROR_REASON_INVALID_DOCUMENT)
    assert [(each.field, each.description.split()[0], each.reason) for each in error.violations][-1:] == [
        ("paginaton", "2:1", "UNKNOWN_KEY")
    ]
    assert "Nothing was saved" in error.message


async def test_a_thousand_problems_still_make_an_answer(mesh: Mesh) -> None:
    body = HttpBody(content_type="application/yaml", data=b"".join(b"key_%d: 1\n" % number for number in range(1000)))
    error = await refusal(mesh.stub(RegistryServiceStub, mesh.admin).CreateProfile(pb.CreateProfileRequest(body=body)))
    assert int(error.metadata["problems"]) >= 1000
    assert len(error.violations) + int(error.metadata["omitted_violations"]) == int(error.metadata["problems"])


async def test_profiles_keys_and_ledger_outlive_their_services(mesh: Mesh) -> None:
    key_id, secret = await mesh.key_of("editor")
    request = a_request(request_id="r1")
    created = await mesh.stub(RegistryServiceStub, secret).CreateProfile(request)
    before = await mesh.ledger(2)
    for service in ("registry", "auth", "audit"):
        await mesh.stop(service)
    for service in ("auth", "audit", "registry"):
        await mesh.start(service)
    assert await mesh.stub(RegistryServiceStub, secret).CreateProfile(request) == created
    keys = (await mesh.stub(AuthServiceStub, mesh.admin).ListKeys(auth_pb2.ListKeysRequest())).keys
    assert {key.name for key in keys} == {"admin", "auth", "audit", "registry", "editor"}
    assert key_id in {key.key_id for key in keys}
    assert (await mesh.ledger(3))[:2] == before


async def test_a_watch_follows_and_ends_when_the_registry_drains(mesh: Mesh) -> None:
    watch = mesh.stub(RegistryServiceStub).WatchProfiles(pb.WatchProfilesRequest())
    async with asyncio.timeout(10):
        assert (await watch.read()).complete
        await mesh.stub(RegistryServiceStub, mesh.admin).CreateProfile(a_request())
        assert [each.profile_id for each in (await watch.read()).profiles] == ["shop-orders"]
        stopping = asyncio.create_task(mesh.stop("registry"))
        error = await refusal(watch.read())
        await stopping
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, REASON.ERROR_REASON_DRAINING)


@pytest.mark.parametrize("seconds", [0, -(10**15), 10**15])
async def test_a_key_that_expires_when_it_cannot_is_refused(mesh: Mesh, seconds: int) -> None:
    request = auth_pb2.CreateKeyRequest(name="ci", roles=["viewer"])
    request.expire_time.seconds = seconds
    error = await refusal(mesh.stub(AuthServiceStub, mesh.admin).CreateKey(request))
    assert (error.reason, error.violations[0].field) == (REASON.ERROR_REASON_INVALID_FIELD, "expire_time")
