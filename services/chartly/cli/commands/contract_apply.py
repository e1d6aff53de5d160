"""`chartly contract lint`, `apply` and `check`: files of a contract, and what they would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from chartly.cli.commanding import Output, mesh_command
from chartly.cli.contract_files import ContractFiles, read_contract_files
from chartly.cli.contract_reports import show_report, told
from chartly.cli.documents import say_problems, say_warnings
from chartly.cli.exits import Exit
from chartly.cli.text import first_lines, short

if TYPE_CHECKING:
    from chartly.api.registry.v1.contract_pb2 import CompatibilityReport, Contract, ContractDocument, ContractRevision
    from chartly.cli.session import Session

MODES = ("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")
_files = click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, path_type=Path))
_references = click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="NAME=CONTRACT@VERSION",
    help="Contract that the files import, or refer to, as NAME.",
)
_message = click.option(
    "--message",
    default="",
    metavar="NAME",
    help="For protos: full name of the message that records are checked against; the first one of the files by path by default.",
)


@click.command("lint")
@_files
@_references
@_message
@mesh_command
async def lint(
    session: Session, output: Output, files: tuple[Path, ...], references: tuple[str, ...], message: str
) -> None:
    """Say all that is wrong with a contract, and what could be better."""
    from chartly.api.registry.v1.registry_pb2 import ValidateContractRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    found = read_contract_files(files)
    request = ValidateContractRequest(document=found.document(references, message))
    answer = await session.stub(RegistryServiceStub).ValidateContract(request)
    if not output.json(answer):
        if answer.problems:
            say_problems([found.say(problem) for problem in answer.problems], "Nothing was saved.")
        for line in first_lines([f"{found.say(each)} ({each.rule})" for each in answer.lint]):
            click.echo(line)
        if not answer.problems and not answer.lint:
            click.echo(f"{short(answer.digest)}   nothing to say against it")
    if answer.problems:
        raise SystemExit(Exit.INVALID)


@click.command("apply")
@click.argument("contract_id", metavar="NAME")
@_files
@_references
@_message
@click.option(
    "--compatibility",
    type=click.Choice(MODES),
    help="What new revisions of a new contract keep; BACKWARD by default.",
)
@click.option(
    "--version", default="", metavar="VERSION", help="Version; the smallest that the change allows by default."
)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@mesh_command
async def apply(
    session: Session,
    output: Output,
    contract_id: str,
    files: tuple[Path, ...],
    references: tuple[str, ...],
    message: str,
    compatibility: str | None,
    version: str,
    dry_run: bool,
) -> None:
    """Save files as a contract, or as the next revision of one."""
    from chartly.api.registry.v1.contract_pb2 import CompatibilityMode
    from chartly.api.registry.v1.registry_pb2 import CreateContractRevisionRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    found = read_contract_files(files)
    document = found.document(references, message)
    before = await _latest(session, contract_id)
    say_warnings(await _deprecated(session, document))
    if dry_run:
        await _preview(session, output, contract_id, found, document, before)
        return
    mode = CompatibilityMode.Value(f"COMPATIBILITY_MODE_{compatibility or 'UNSPECIFIED'}")
    request = CreateContractRevisionRequest(
        contract_id=contract_id, document=document, version=version, compatibility=mode
    )
    with found.placing("Nothing was saved."):
        answer = await session.stub(RegistryServiceStub).CreateContractRevision(request)
    if not output.json(answer):
        click.echo(_saved(answer.revision, before))


@click.command("check")
@click.argument("contract_id", metavar="NAME")
@_files
@_references
@_message
@click.option("--mode", type=click.Choice(MODES), help="Mode to judge by; the contract's own by default.")
@mesh_command
async def check(
    session: Session,
    output: Output,
    contract_id: str,
    files: tuple[Path, ...],
    references: tuple[str, ...],
    message: str,
    mode: str | None,
) -> None:
    """Say what files would change as the next revision; 1 is the exit code of what the mode does not allow."""
    found = read_contract_files(files)
    document = found.document(references, message)
    report = await _check(session, output, contract_id, found, document, mode or "UNSPECIFIED")
    if output.form != "json":
        show_report(report, contract_id)
    if not report.allowed:
        raise SystemExit(Exit.FAILED)


async def _deprecated(session: Session, document: ContractDocument) -> list[str]:
    names = dict.fromkeys(each.contract_id for each in document.references)
    found = [(name, await _contract(session, name)) for name in names]
    return [f"contract {name} is deprecated: {each.deprecation}" for name, each in found if each and each.deprecation]


async def _latest(session: Session, contract_id: str) -> ContractRevision | None:
    contract = await _contract(session, contract_id)
    return contract.latest if contract else None


async def _contract(session: Session, contract_id: str) -> Contract | None:
    import grpc
    from chartly.api.registry.v1.registry_pb2 import GetContractRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    try:
        request = GetContractRequest(contract_id=contract_id)
        return (await session.stub(RegistryServiceStub).GetContract(request)).contract
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        raise


async def _check(
    session: Session, output: Output, contract_id: str, files: ContractFiles, document: ContractDocument, mode: str
) -> CompatibilityReport:
    from chartly.api.registry.v1.contract_pb2 import CompatibilityMode
    from chartly.api.registry.v1.registry_pb2 import CheckCompatibilityRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    request = CheckCompatibilityRequest(
        contract_id=contract_id,
        document=document,
        mode=CompatibilityMode.Value(f"COMPATIBILITY_MODE_{mode}"),
    )
    with files.placing("Nothing was saved."):
        answer = await session.stub(RegistryServiceStub).CheckCompatibility(request)
    output.json(answer)
    return answer.report


async def _preview(
    session: Session,
    output: Output,
    contract_id: str,
    files: ContractFiles,
    document: ContractDocument,
    before: ContractRevision | None,
) -> None:
    from chartly.api.registry.v1.registry_pb2 import ValidateContractRequest
    from chartly.api.registry.v1.registry_pb2_grpc import RegistryServiceStub

    if before is not None:
        report = await _check(session, output, contract_id, files, document, "UNSPECIFIED")
        if output.form != "json":
            show_report(report, contract_id)
        if not report.allowed:
            raise SystemExit(Exit.REFUSED)
        return
    request = ValidateContractRequest(document=document)
    answer = await session.stub(RegistryServiceStub).ValidateContract(request)
    if not output.json(answer) and not answer.problems:
        click.echo(f"+ {contract_id} 1.0.0 {short(answer.digest)}   a new contract")
    if answer.problems:
        if output.form != "json":
            say_problems([files.say(problem) for problem in answer.problems], "Nothing was saved.")
        raise SystemExit(Exit.INVALID)


def _saved(revision: ContractRevision, before: ContractRevision | None) -> str:
    name = f"{revision.contract_id} {revision.version}"
    if before is None:
        return f"+ {name} {short(revision.digest)}   a new contract"
    if revision.revision == before.revision:
        return f"= {name} as it was"
    same = revision.version.partition(".")[0] == before.version.partition(".")[0]
    effect = "compatible" if same else "not compatible with what was written before"
    return f"~ {name} {short(revision.digest)} {effect} ({told(revision.changes)})"
