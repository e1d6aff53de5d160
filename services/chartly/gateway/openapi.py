"""The OpenAPI document that `make gen` wrote and every distribution brings."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__)


@cache
def openapi_document() -> bytes:
    """Return the document, byte by byte as it was written."""
    # Beside the package in a wheel, and in its own folder in a checkout.
    shipped = _HERE.parent / "shipped" / "openapi.json"
    return (shipped if shipped.exists() else _HERE.parents[3] / "gen/openapi/openapi.json").read_bytes()
