"""Documents and files as callers have them, and their media types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.api.httpbody_pb2 import HttpBody

#: A document: its text, its bytes, the file that holds it, or its content, which is sent as JSON.
Document = str | bytes | Path | Mapping[str, Any]

_MEDIA_TYPES = {
    ".arrow": "application/vnd.apache.arrow.stream",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".proto": "text/x-protobuf",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}


def media_type_of(path: Path) -> str:
    """Return the media type of a file by the end of its name.

    Raises:
        ValueError: the name does not tell.
    """
    try:
        return _MEDIA_TYPES[path.suffix.lower()]
    except KeyError:
        raise ValueError(f"the name of {path} does not tell its media type; say media_type=…") from None


def body_of(document: Document, media_type: str | None) -> HttpBody:
    """Return a document as it is sent; text is YAML, of which JSON is a part, unless the caller says otherwise."""
    match document:
        case Path():
            return HttpBody(content_type=media_type or media_type_of(document), data=document.read_bytes())
        case Mapping():
            return HttpBody(content_type=media_type or "application/json", data=json.dumps(document).encode())
        case str():
            return HttpBody(content_type=media_type or "application/yaml", data=document.encode())
    return HttpBody(content_type=media_type or "application/yaml", data=document)
