"""What mapping makes of pages: good records, bad records, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from chartly.engine.plan import Plan
from chartly.engine.reading import RecordError

_ERROR = pa.struct(
    [pa.field(name, pa.string(), nullable=False) for name in ("reason", "field", "message", "value_digest")]
)
REJECTED_SCHEMA = pa.schema(
    [
        pa.field("page", pa.int64(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),
        pa.field("raw", pa.string(), nullable=False),
        pa.field("errors", pa.list_(_ERROR), nullable=False),
    ]
)
"""Bad records: page and record count from 1; raw is the record as JSON text in one line, of one that cannot be read its
text as a JSON string; errors are all that is wrong with it."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A bad record."""

    page: int
    record: int
    raw: str
    errors: Sequence[RecordError]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a batch of pages comes to: extracted = accepted rows + rejected rows + filtered.

    `accepted` has the plan's schema without run_id, in the order of the source; `rejected` has REJECTED_SCHEMA; `warnings`
    counts, by field, the values that did not fit and became null.
    """

    accepted: pa.Table
    rejected: pa.Table
    extracted: int
    filtered: int = 0
    warnings: dict[str, int] = field(default_factory=dict)


def accepted_schema(plan: Plan) -> pa.Schema:
    """Return the schema of good records: the plan's without run_id, which the caller knows."""
    return plan.schema.remove(plan.schema.get_field_index("run_id"))


def rejected_table(records: Sequence[Rejected]) -> pa.Table:
    """Return bad records as a table."""
    rows = [
        {
            "page": record.page,
            "record": record.record,
            "raw": record.raw,
            "errors": [{name: getattr(error, name) for name in _ERROR.names} for error in record.errors],
        }
        for record in records
    ]
    return pa.Table.from_pylist(rows, REJECTED_SCHEMA)


def joined(parts: Sequence[Mapped], schema: pa.Schema) -> Mapped:
    """Return the parts of a batch as one."""
    warnings: Counter[str] = Counter()
    for part in parts:
        warnings.update(part.warnings)
    return Mapped(
        pa.concat_tables([schema.empty_table(), *(part.accepted for part in parts)]),
        pa.concat_tables([REJECTED_SCHEMA.empty_table(), *(part.rejected for part in parts)]),
        sum(part.extracted for part in parts),
        sum(part.filtered for part in parts),
        dict(sorted(warnings.items())),
    )
