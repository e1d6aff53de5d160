"""The profile engine: what registry, drone, aggregator and cli share. No gRPC, no I/O, no clock.

It reads a profile with every problem at once (`parse_profile`), compiles it to a plan (`compile_profile`), says what may
follow what (`compare`), and maps pages of records to tables, bad records and counts (`Mapper`):

    with Mapper(compile_profile(profile)) as mapper:
        for batch in batches_of_pages:
            mapped = mapper.map(batch)      # mapped.accepted, mapped.rejected, mapped.extracted, mapped.warnings

Nothing here holds a dataset: the caller passes a batch of pages and gets tables back, from any thread. `Mapper`, `Mapped`
and `REJECTED_SCHEMA` load Arrow and DuckDB, so they are imported when first asked for.
"""

from typing import TYPE_CHECKING, Any

from chartly.engine.digest import canonical_json, json_digest, message_digest
from chartly.engine.document import MAX_SIZE_BYTES
from chartly.engine.errors import (
    EngineError,
    FieldsNeedKey,
    IncompatibleChange,
    InvalidDocument,
    Problem,
    ReceiptMismatch,
    SourceFieldMissing,
    UnreadablePage,
    ValueRefused,
)
from chartly.engine.evolution import Bump, Change, Evolution, compare, next_version, parse_version
from chartly.engine.pages import Format, Page
from chartly.engine.plan import Column, Plan, compile_profile, write_disposition
from chartly.engine.profiles import check_profile, parse_message, parse_profile
from chartly.engine.receipts import adds_up, check_adds_up
from chartly.engine.secrets import references

if TYPE_CHECKING:
    from chartly.engine.mapped import REJECTED_SCHEMA, Mapped
    from chartly.engine.mapper import Mapper

__all__ = [
    "MAX_SIZE_BYTES",
    "REJECTED_SCHEMA",
    "Bump",
    "Change",
    "Column",
    "EngineError",
    "Evolution",
    "FieldsNeedKey",
    "Format",
    "IncompatibleChange",
    "InvalidDocument",
    "Mapped",
    "Mapper",
    "Page",
    "Plan",
    "Problem",
    "ReceiptMismatch",
    "SourceFieldMissing",
    "UnreadablePage",
    "ValueRefused",
    "adds_up",
    "canonical_json",
    "check_adds_up",
    "check_profile",
    "compare",
    "compile_profile",
    "json_digest",
    "message_digest",
    "next_version",
    "parse_message",
    "parse_profile",
    "parse_version",
    "references",
    "write_disposition",
]

_LAZY = {"Mapper": "mapper", "Mapped": "mapped", "REJECTED_SCHEMA": "mapped"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from importlib import import_module

    return getattr(import_module(f"chartly.engine.{_LAZY[name]}"), name)
