from __future__ import annotations

import pytest
from chartly.api.registry.v1 import contract_pb2
from chartly.contracts import (
    DESCRIPTION_CHANGED,
    PROTO_LAYERS,
    Finding,
    Layer,
    Mode,
    Verdict,
    allows,
    smallest_version,
    verdicts,
)


def a_finding(
    layer: Layer = Layer.JSON, *, backward: bool = False, forward: bool = False, rule: str = "FIELD_ADDED"
) -> Finding:
    return Finding(layer, rule, "orders.v1.Order.price", "it changed", breaks_backward=backward, breaks_forward=forward)


def test_layers_and_modes_have_the_names_of_the_contract() -> None:
    layers = {name.removeprefix("LAYER_") for name in contract_pb2.Layer.DESCRIPTOR.values_by_name} - {"UNSPECIFIED"}
    modes = {
        name.removeprefix("COMPATIBILITY_MODE_") for name in contract_pb2.CompatibilityMode.DESCRIPTOR.values_by_name
    }
    assert {layer.name for layer in Layer} == layers
    assert {mode.name for mode in Mode} == modes - {"UNSPECIFIED"}


def test_verdicts_tell_the_layers_and_the_directions_apart() -> None:
    findings = [a_finding(Layer.WIRE, backward=True), a_finding(Layer.RULES, forward=True)]
    assert verdicts(findings, PROTO_LAYERS) == (
        Verdict(Layer.WIRE, backward=False, forward=True),
        Verdict(Layer.JSON, backward=True, forward=True),
        Verdict(Layer.SOURCE, backward=True, forward=True),
        Verdict(Layer.RULES, backward=True, forward=False),
    )


@pytest.mark.parametrize(
    ("mode", "backward", "forward"),
    [("NONE", True, True), ("BACKWARD", False, True), ("FORWARD", True, False), ("FULL", False, False)],
)
def test_a_mode_judges_what_it_keeps(mode: str, backward: bool, forward: bool) -> None:
    for name in (mode, mode if mode == "NONE" else f"{mode}_TRANSITIVE"):
        assert allows(Mode[name], [a_finding(backward=True)]) is backward
        assert allows(Mode[name], [a_finding(forward=True)]) is forward
        assert allows(Mode[name], [a_finding()])


def test_no_mode_judges_source() -> None:
    assert allows(Mode.FULL_TRANSITIVE, [a_finding(Layer.SOURCE, backward=True, forward=True)])


@pytest.mark.parametrize(
    ("findings", "version"),
    [
        ([a_finding(Layer.SOURCE, backward=True), a_finding()], "2.0.0"),
        ([a_finding(Layer.RULES, backward=True)], "2.0.0"),
        ([a_finding(forward=True), a_finding(rule=DESCRIPTION_CHANGED)], "1.3.0"),
        ([a_finding()], "1.3.0"),
        ([a_finding(rule=DESCRIPTION_CHANGED)], "1.2.4"),
        ([], "1.2.4"),
    ],
)
def test_a_change_asks_for_the_smallest_version(findings: list[Finding], version: str) -> None:
    assert smallest_version("1.2.3", findings) == version


def test_an_equal_document_keeps_its_version() -> None:
    assert smallest_version("1.2.3", [], differs=False) == "1.2.3"
