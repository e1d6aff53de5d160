"""What a change of a contract means, as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from chartly.cli.text import first_lines, word

if TYPE_CHECKING:
    from chartly.api.registry.v1.contract_pb2 import CompatibilityReport, Finding

_MOST_CHANGES = 3


def show_report(report: CompatibilityReport, name: str) -> None:
    """Print what changed: a verdict for each layer, then each finding with what to do."""
    from chartly.api.registry.v1.contract_pb2 import CompatibilityMode, Layer
    from chartly.cli.tables import show_table

    words = {True: "yes", False: "NO"}
    rows = [(word(Layer, each.layer).lower(), words[each.backward], words[each.forward]) for each in report.verdicts]
    show_table(("layer", "new reads old", "old reads new"), rows)
    for line in first_lines([_line(finding) for finding in report.findings]):
        click.echo(line)
    mode = word(CompatibilityMode, report.mode)
    version = f", as {report.smallest_version} or above" if report.smallest_version else ""
    click.echo(f"{name}: " + (f"allowed by {mode}{version}" if report.allowed else f"not allowed by {mode}"))


def _line(finding: Finding) -> str:
    advice = f". {finding.advice}" if finding.advice else ""
    return f"{_what(finding)} ({finding.rule}){advice}"


def _what(finding: Finding) -> str:
    return f"{finding.path}: {finding.message}" if finding.path else finding.message


def told(changes: Sequence[Finding]) -> str:
    """Return changes in a line: the first few, and how many others there are."""
    first = [_what(each) for each in changes[:_MOST_CHANGES]]
    others = len(changes) - len(first)
    return "; ".join([*first, f"{others} more"] if others else first)
