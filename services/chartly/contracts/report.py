"""What a change of a contract means: findings, the verdict on each layer, what a mode allows, and the version it takes.

Backward is the view of new readers: they can read what was written with the old contract. Forward is that of old readers:
they can read what is written with the new one. Source is the layer of generated code; no mode judges it, for records do not
care, but code that no longer compiles is a major version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chartly.engine import Bump, next_version

DESCRIPTION_CHANGED = "DESCRIPTION_CHANGED"
"""Rule of a finding that touches words for people alone; every other finding that breaks nothing adds something."""


class Layer(StrEnum):
    """A way in which two contracts can fit or not; the names are those of `chartly.api.registry.v1.Layer`."""

    WIRE = "wire"
    JSON = "json"
    SOURCE = "source"
    RULES = "rules"


PROTO_LAYERS = tuple(Layer)
SCHEMA_LAYERS = (Layer.JSON, Layer.RULES)


class Mode(StrEnum):
    """What a new revision has to keep; the names are those of `chartly.api.registry.v1.CompatibilityMode`."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def is_transitive(self) -> bool:
        """Whether every earlier revision counts, not only the latest."""
        return self.value.endswith("_TRANSITIVE")

    @property
    def keeps_backward(self) -> bool:
        """Whether new readers have to read what was written before."""
        return self.value.startswith(("BACKWARD", "FULL"))

    @property
    def keeps_forward(self) -> bool:
        """Whether old readers have to read what is written from now on."""
        return self.value.startswith(("FORWARD", "FULL"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One change between two contracts.

    rule: its name, as in `FIELD_SAME_TYPE`.
    path: of what changed, as in `orders.v1.Order.price` or `properties.price.minimum`.
    message: what changed, in words.
    advice: what to do instead, in one sentence; empty where nothing breaks.
    against: version of the earlier revision that it was compared with; empty where there is none.
    """

    layer: Layer
    rule: str
    path: str
    message: str
    advice: str = ""
    breaks_backward: bool = False
    breaks_forward: bool = False
    against: str = ""

    @property
    def breaks(self) -> bool:
        """Whether it breaks anything."""
        return self.breaks_backward or self.breaks_forward


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether new readers can read the old (backward) and old readers the new (forward), on one layer."""

    layer: Layer
    backward: bool
    forward: bool


def verdicts(findings: Sequence[Finding], layers: Iterable[Layer]) -> tuple[Verdict, ...]:
    """Return the verdict on each of the layers that a kind of contract has, in their order."""
    return tuple(_verdict(layer, [finding for finding in findings if finding.layer is layer]) for layer in layers)


def _verdict(layer: Layer, findings: Sequence[Finding]) -> Verdict:
    return Verdict(
        layer,
        backward=not any(finding.breaks_backward for finding in findings),
        forward=not any(finding.breaks_forward for finding in findings),
    )


def refused(mode: Mode, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that a mode does not allow."""
    return tuple(
        finding
        for finding in findings
        if finding.layer is not Layer.SOURCE
        and ((mode.keeps_backward and finding.breaks_backward) or (mode.keeps_forward and finding.breaks_forward))
    )


def allows(mode: Mode, findings: Iterable[Finding]) -> bool:
    """Return whether a mode allows a change."""
    return not refused(mode, findings)


def bump(findings: Sequence[Finding], *, differs: bool = True) -> Bump:
    """Return the part of the version that a change raises.

    Args:
        findings: against the latest revision; those on every layer count, source included.
        differs: whether the documents differ at all; without a finding that is still a patch.
    """
    if any(finding.breaks_backward for finding in findings):
        return Bump.MAJOR
    if any(finding.rule != DESCRIPTION_CHANGED for finding in findings):
        return Bump.MINOR
    return Bump.PATCH if differs or findings else Bump.NONE


def smallest_version(latest: str, findings: Sequence[Finding], *, differs: bool = True) -> str:
    """Return the smallest semantic version that a change may have after the latest; see `bump`."""
    return next_version(latest, bump(findings, differs=differs))
