"""From an event to the leaf that the ledger hashes, and back."""

from __future__ import annotations

import json

from chartly.api.audit.v1.audit_pb2 import Event
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp


def leaf_of(event: Event) -> bytes:
    """Return the RFC 8785 JSON of an event's protojson, with the proto's own names.

    An event holds nothing but text (its time too), all names are ASCII, and there are no objects in it; for such values
    sorted keys and no spaces are all that RFC 8785 asks for beyond what `json` does.
    """
    fields = json_format.MessageToDict(event, preserving_proto_field_name=True)
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def nanos_of(time: Timestamp) -> int:
    """Return an instant as nanoseconds since 1970, for comparison: those beyond 64 bits (the year 2262) are all the same."""
    return max(-(2**63), min(time.ToNanoseconds(), 2**63 - 1))


def event_of(leaf: bytes) -> Event:
    """Return the event of a leaf."""
    return json_format.Parse(leaf, Event())
