"""Content addresses: the same document with the same references has the same digest on every installation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from chartly.engine import canonical_json, json_digest


def schema_digest(kind: str, text: bytes, value: Any, references: Mapping[str, str] | None = None) -> str:
    """Return the content address, `sha256:…`, of a JSON Schema or a data contract.

    Args:
        kind: its kind, as in `JSON_SCHEMA`.
        text: the document as it was written. Only a number that RFC 8785 cannot write, an integer beyond 2^53, makes it count.
        value: what it says; two texts that say the same are one document.
        references: digest of each contract that it needs, by the name that it calls it.
    """
    try:
        document = _sha256(canonical_json(value))
    except ValueError:
        document = _sha256(text)
    return json_digest({"kind": kind, "document": document, "references": dict(references or {})})


def files_digest(
    kind: str, files: Mapping[str, str], *, message: str = "", references: Mapping[str, str] | None = None
) -> str:
    """Return the content address, `sha256:…`, of proto files.

    Args:
        kind: `PROTO`.
        files: text of each file by its path; every character counts, comments too.
        message: full name of the message that records are checked against.
        references: digest of each contract that the files need, by the path that they import.
    """
    texts = {path: _sha256(text.encode()) for path, text in files.items()}
    return json_digest({"kind": kind, "files": texts, "message": message, "references": dict(references or {})})


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
