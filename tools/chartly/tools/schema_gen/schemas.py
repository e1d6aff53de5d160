"""The JSON Schemas of the contracts as files, one for each message, with a manifest of their digests."""

import json
from hashlib import sha256
from typing import Any

from chartly.contracts.messages.schemas import Schemas

SUFFIX = ".schema.json"
MANIFEST = "manifest.json"


def schema_files(descriptors: bytes) -> dict[str, bytes]:
    """Return the content of each file by its name, that of the manifest too.

    Args:
        descriptors: a serialized FileDescriptorSet with imports and source info; messages of google and buf get no file.
    """
    schemas = Schemas(descriptors)
    files = {f"{name}{SUFFIX}": _text(schemas.bundle(name)) for name in schemas.names}
    digests = {name: f"sha256:{sha256(content).hexdigest()}" for name, content in sorted(files.items())}
    return {**files, MANIFEST: _text({"files": digests})}


def _text(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
