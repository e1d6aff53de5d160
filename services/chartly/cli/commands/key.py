"""`chartly key`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Commands, Output, mesh_command
from chartly.cli.options import page_options
from chartly.cli.text import instant

if TYPE_CHECKING:
    from chartly.api.auth.v1.auth_pb2 import Key
    from chartly.cli.session import Session

_ROLES = ("viewer", "operator", "editor", "admin", "drone", "service")


@click.group(cls=Commands)
def key() -> None:
    """Create, list and revoke API keys."""


@key.command("create")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(_ROLES),
    help="Role of its bearer; may be repeated.",
)
@click.option(
    "--expires", type=click.DateTime(), metavar="TIME", help="When it stops working, in UTC; never by default."
)
@mesh_command
async def create_key(
    session: Session, output: Output, name: str, roles: Sequence[str], expires: datetime | None
) -> None:
    """Create a key and show its secret, once."""
    from chartly.api.auth.v1 import auth_pb2, auth_pb2_grpc

    request = auth_pb2.CreateKeyRequest(name=name, roles=roles)
    if expires is not None:
        request.expire_time.FromDatetime(expires.replace(tzinfo=UTC))
    answer = await session.stub(auth_pb2_grpc.AuthServiceStub).CreateKey(request)
    if not output.json(answer):
        click.echo(answer.secret)
        click.echo(f"{answer.key.key_id} ({', '.join(answer.key.roles)}). The secret is not shown again", err=True)


@key.command("list")
@page_options("keys")
@mesh_command
async def list_keys(session: Session, output: Output, limit: int, page_token: str) -> None:
    """List keys, newest first, without their secrets."""
    from chartly.api.auth.v1 import auth_pb2, auth_pb2_grpc
    from chartly.cli.tables import more, show_table

    request = auth_pb2.ListKeysRequest(page_size=limit, page_token=page_token)
    answer = await session.stub(auth_pb2_grpc.AuthServiceStub).ListKeys(request)
    if not output.json(answer):
        rows = [(found.key_id, found.name, ", ".join(found.roles), _state(found)) for found in answer.keys]
        show_table(("key", "name", "roles", "state"), rows)
        more(answer.next_page_token)


@key.command("revoke")
@click.argument("key_id")
@mesh_command
async def revoke_key(session: Session, output: Output, key_id: str) -> None:
    """Revoke a key for good."""
    from chartly.api.auth.v1 import auth_pb2, auth_pb2_grpc

    answer = await session.stub(auth_pb2_grpc.AuthServiceStub).RevokeKey(auth_pb2.RevokeKeyRequest(key_id=key_id))
    if not output.json(answer):
        click.echo(f"revoked {answer.key.key_id} ({answer.key.name}); services refuse it within 10 s")


def _state(key: Key) -> str:
    if key.HasField("revoke_time"):
        return f"revoked {instant(key.revoke_time.ToDatetime(UTC))}"
    if key.HasField("expire_time"):
        return f"expires {instant(key.expire_time.ToDatetime(UTC))}"
    return "valid"
