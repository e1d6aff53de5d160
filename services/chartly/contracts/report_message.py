"""Findings and verdicts as messages of the registry's contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chartly.api.registry.v1 import contract_pb2
from chartly.contracts.report import Finding, Layer, Mode, allows, verdicts


def report_message(
    findings: Sequence[Finding], mode: Mode, layers: Iterable[Layer], *, smallest_version: str = ""
) -> contract_pb2.CompatibilityReport:
    """Return what a change means.

    Args:
        findings: the change, against every revision that the mode counts.
        mode: what has to be kept.
        layers: that the kind of contract has.
        smallest_version: that the change may have; empty where there is no version before it.
    """
    return contract_pb2.CompatibilityReport(
        allowed=allows(mode, findings),
        mode=mode_value(mode),
        verdicts=[
            contract_pb2.LayerVerdict(layer=_layer_value(each.layer), backward=each.backward, forward=each.forward)
            for each in verdicts(findings, layers)
        ],
        findings=map(finding_message, findings),
        smallest_version=smallest_version,
    )


def finding_message(finding: Finding) -> contract_pb2.Finding:
    """Return a finding as its message."""
    return contract_pb2.Finding(
        layer=_layer_value(finding.layer),
        rule=finding.rule,
        path=finding.path,
        message=finding.message,
        advice=finding.advice,
        breaks_backward=finding.breaks_backward,
        breaks_forward=finding.breaks_forward,
        against=finding.against,
    )


def mode_value(mode: Mode) -> contract_pb2.CompatibilityMode.ValueType:
    """Return a mode as its enum's value."""
    return contract_pb2.CompatibilityMode.Value(f"COMPATIBILITY_MODE_{mode}")


def _layer_value(layer: Layer) -> contract_pb2.Layer.ValueType:
    return contract_pb2.Layer.Value(f"LAYER_{layer.name}")
