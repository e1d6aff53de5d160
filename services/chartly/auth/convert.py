"""Messages of auth to domain values and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chartly.api.auth.v1 import auth_pb2 as pb
from chartly.auth.keys import Key, KeyDraft
from chartly.auth.store import Place
from chartly.runtime.identity import Principal
from chartly.runtime.pages import decode_page_token, encode_page_token
from google.protobuf.timestamp_pb2 import Timestamp

_LIST = "auth.keys"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def draft_of(request: pb.CreateKeyRequest) -> KeyDraft:
    """Return what a key is asked to be."""
    expire_time = request.expire_time.ToDatetime(UTC) if request.HasField("expire_time") else None
    return KeyDraft(request.name, tuple(request.roles), expire_time)


def key_message(key: Key) -> pb.Key:
    """Return a key as its message."""
    return pb.Key(
        key_id=key.key_id,
        name=key.name,
        roles=key.roles,
        create_time=_timestamp(key.create_time),
        expire_time=_timestamp(key.expire_time),
        revoke_time=_timestamp(key.revoke_time),
    )


def place_of(page_token: str) -> Place | None:
    """Return where a list goes on; None for its start.

    Raises:
        InvalidPageToken: the token is not of this list.
    """
    state = decode_page_token(page_token, of=_LIST)
    return Place(_EPOCH + timedelta(microseconds=state["micros"]), state["key_id"]) if state else None


def keys_page(keys: list[Key], limit: int) -> pb.ListKeysResponse:
    """Return a page of at most `limit` keys; that there are more, one more tells."""
    page = pb.ListKeysResponse(keys=map(key_message, keys[:limit]))
    if len(keys) > limit:
        last = keys[limit - 1]
        micros = (last.create_time - _EPOCH) // timedelta(microseconds=1)
        page.next_page_token = encode_page_token({"micros": micros, "key_id": last.key_id}, of=_LIST)
    return page


def introspection(principal: Principal) -> pb.IntrospectResponse:
    """Return a principal as its message."""
    return pb.IntrospectResponse(
        key_id=principal.key_id,
        principal=principal.name,
        tenant=principal.tenant,
        roles=sorted(principal.roles),
        permissions=sorted(principal.permissions),
    )


def _timestamp(instant: datetime | None) -> Timestamp | None:
    if instant is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(instant)
    return timestamp
