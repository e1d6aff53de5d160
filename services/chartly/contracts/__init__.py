"""Contract documents of every kind: read, compared, exported, and checked against.

It knows no service, no gRPC, no database and no network; registry, command line and tools share it.
"""

from chartly.contracts.protos.changes import compare_models, compare_protos
from chartly.contracts.protos.files import CompiledProtos, compile_protos
from chartly.contracts.protos.model import ProtoModel, read_model
from chartly.contracts.report import (
    DESCRIPTION_CHANGED,
    PROTO_LAYERS,
    SCHEMA_LAYERS,
    Finding,
    Layer,
    Mode,
    Verdict,
    allows,
    bump,
    refused,
    smallest_version,
    verdicts,
)

__all__ = [
    "DESCRIPTION_CHANGED",
    "PROTO_LAYERS",
    "SCHEMA_LAYERS",
    "CompiledProtos",
    "Finding",
    "Layer",
    "Mode",
    "ProtoModel",
    "Verdict",
    "allows",
    "bump",
    "compare_models",
    "compare_protos",
    "compile_protos",
    "read_model",
    "refused",
    "smallest_version",
    "verdicts",
]
