"""`chartly contract diff`: what changed between two contracts, be they files or revisions of the registry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Output, mesh_command
from chartly.cli.commands.contract_apply import MODES
from chartly.cli.contract_files import ContractFiles, read_contract_files
from chartly.cli.contract_reports import show_report
from chartly.cli.contract_revisions import read_revision
from chartly.cli.documents import say_problems
from chartly.cli.exits import Exit, fail

if TYPE_CHECKING:
    from chartly.cli.session import Session
    from chartly.contracts import Finding, Layer, ProtoModel
    from chartly.contracts.documents import Form, Source

_EFFECT = "Nothing was compared."


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: a document that was read, or the model of a descriptor set; the version is empty for files."""

    name: str
    form: Form | None = None
    model: ProtoModel | None = None
    version: str = ""


@click.command("diff")
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--mode", type=click.Choice(MODES), default="BACKWARD", show_default=True, help="Mode to judge by.")
@mesh_command
async def diff(session: Session, output: Output, old: str, new: str, mode: str) -> None:
    """Say what changed from A to B, and whether a mode allows it; 1 is the exit code of what it does not allow.

    Each is a file of a contract, a folder of proto files, a descriptor set (.binpb), or NAME[@VERSION] of the registry.
    """
    from chartly.contracts import Mode, bump, smallest_version
    from chartly.contracts.report_message import report_message

    before, after = await _side(session, old, old), await _side(session, new, old)
    findings, layers = _compare(before, after)
    differs = bool(before.form and after.form and before.form.digest != after.form.digest)
    version = smallest_version(before.version, findings, differs=differs) if before.version else ""
    report = report_message(findings, Mode[mode], layers, smallest_version=version)
    if not output.json(report):
        show_report(report, f"{old} -> {new}")
        if not version and (step := bump(findings, differs=differs)):
            click.echo(f"at least a new {step.name.lower()} version")
    if not report.allowed:
        raise SystemExit(Exit.FAILED)


def _compare(old: Side, new: Side) -> tuple[tuple[Finding, ...], tuple[Layer, ...]]:
    from chartly.contracts import PROTO_LAYERS, compare_models
    from chartly.contracts.documents import compare, layers_of

    both_saved = old.version and new.version  # files say nothing of the message that records are checked against
    if old.model and new.model and not both_saved:
        return compare_models(old.model, new.model), PROTO_LAYERS
    if not (old.form and new.form and old.form.kind is new.form.kind):
        fail(Exit.INVALID, f"{old.name} and {new.name} are of different kinds. {_EFFECT}")
    return compare(old.form, new.form), layers_of(old.form.kind)


async def _side(session: Session, given: str, old: str) -> Side:
    return _of_files(given, Path(given), Path(old)) or await _revision(session, given)


def _of_files(given: str, path: Path, old: Path) -> Side | None:
    from chartly.contracts.documents import Source, kind_of

    if not path.exists():
        return None
    if path.suffix == ".binpb":
        return Side(given, model=_descriptor_set(path))
    files = _files(path, old)
    return _of_form(given, _read(Source(kind_of(files.texts), files.texts), files))


def _files(path: Path, old: Path) -> ContractFiles:
    """Read a side. What comes with Chartly is left out, and a file takes the name of the one that it is compared with."""
    from chartly.contracts.protos.files import is_common

    found = read_contract_files([path])
    if path.is_dir():
        return replace(found, texts={name: text for name, text in found.texts.items() if not is_common(name)})
    name = old.name if old.is_file() and old.suffix == path.suffix else path.name
    (text,) = found.texts.values()
    return ContractFiles({name: text}, {name: str(path)})


def _descriptor_set(path: Path) -> ProtoModel:
    from chartly.contracts import read_model
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.message import DecodeError

    try:
        return read_model(FileDescriptorSet.FromString(path.read_bytes()))
    except DecodeError:
        fail(Exit.INVALID, f"{path} is no descriptor set. {_EFFECT}")


async def _revision(session: Session, given: str) -> Side:
    if "/" in given or given.startswith("@") or not given:
        fail(Exit.NOT_FOUND, f"there is no file {given}. {_EFFECT}")
    revision, form = await read_revision(session, given)
    return _of_form(given, form, revision.version)


def _read(source: Source, files: ContractFiles) -> Form:
    from chartly.contracts.documents import read
    from chartly.engine import InvalidDocument

    try:
        return read(source)
    except InvalidDocument as error:
        say_problems([files.say(problem) for problem in error.problems], _EFFECT)
        raise SystemExit(Exit.INVALID) from None


def _of_form(name: str, form: Form, version: str = "") -> Side:
    from chartly.contracts.documents import ProtoForm

    return Side(name, form, form.model if isinstance(form, ProtoForm) else None, version)
