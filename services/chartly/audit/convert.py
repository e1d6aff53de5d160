"""Messages of audit to domain values and back."""

from __future__ import annotations

from chartly.api.audit.v1 import audit_pb2 as pb
from chartly.audit.leaves import event_of, nanos_of
from chartly.audit.store import Filter, Head, Record
from chartly.runtime.pages import decode_page_token, encode_page_token
from google.protobuf.json_format import ParseError


def filter_of(request: pb.ListEntriesRequest) -> Filter:
    """Return which entries a request asks for."""
    return Filter(
        actor=request.actor,
        action=request.action,
        resource=request.resource,
        start_nanos=nanos_of(request.start_time) if request.HasField("start_time") else None,
        end_nanos=nanos_of(request.end_time) if request.HasField("end_time") else None,
    )


def start_of(request: pb.ListEntriesRequest, wanted: Filter) -> int:
    """Return the index at which the page begins.

    Raises:
        InvalidPageToken: the token is not of the list with this filter.
    """
    index: int = decode_page_token(request.page_token, of=repr(wanted)).get("index", 0)
    return index


def entries_page(records: list[Record], limit: int, wanted: Filter) -> pb.ListEntriesResponse:
    """Return a page of at most `limit` entries; that there are more, one more tells."""
    page = pb.ListEntriesResponse(entries=map(entry_message, records[:limit]))
    if len(records) > limit:
        page.next_page_token = encode_page_token({"index": records[limit].index}, of=repr(wanted))
    return page


def entry_message(record: Record) -> pb.Entry:
    """Return an entry as its message; one whose leaf can no longer be read has no event, which `verify` will find."""
    entry = pb.Entry(index=record.index, leaf_hash=record.leaf_hash.hex(), root_hash=record.root.hex())
    try:
        entry.event.CopyFrom(event_of(record.leaf))
    except (ParseError, UnicodeDecodeError):
        entry.ClearField("event")
    return entry


def head_message(head: Head) -> pb.GetTreeHeadResponse:
    """Return a head as its message."""
    return pb.GetTreeHeadResponse(tree_size=head.size, root_hash=head.root.hex())
