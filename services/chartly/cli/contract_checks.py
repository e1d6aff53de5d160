"""The contract that data are checked against, wherever it is: in files, in the registry, or among Chartly's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chartly.cli.contract_files import read_contract_files
from chartly.cli.contract_revisions import read_revision
from chartly.cli.exits import Exit, fail
from chartly.cli.text import first_lines

if TYPE_CHECKING:
    from chartly.cli.session import Session
    from chartly.contracts.checks.validation import Checker
    from chartly.contracts.documents import Form

_SUFFIXES = (".json", ".yaml", ".yml", ".proto")


async def find_checker(session: Session, contract: str, message: str) -> Checker:
    """Return what checks data by a contract, or end the command.

    Args:
        session: for a contract in the registry, `NAME@VERSION`; it is not used for any other.
        contract: a file or a folder of protos, full name of a message of Chartly's, or a name in the registry.
        message: for protos, full name of the message; empty for the first one of the files by path.
    """
    from chartly.contracts.checks.checkers import checker_of, checker_of_message
    from chartly.contracts.errors import NotExportable

    if (checker := checker_of_message(contract)) is not None:
        return checker
    form = _form_of_files(Path(contract), message) or (await read_revision(session, contract))[1]
    try:
        return checker_of(form)
    except NotExportable as error:
        fail(Exit.INVALID, f"{contract}: {error}. Nothing was checked.")


def _form_of_files(path: Path, message: str) -> Form | None:
    """Return the contract that files hold; None if there are none such."""
    from chartly.contracts.documents import Source, kind_of, read
    from chartly.engine import InvalidDocument

    if not path.exists():
        if len(path.parts) > 1 or path.suffix in _SUFFIXES:
            fail(Exit.INVALID, f"{path} is not there. Nothing was checked.")
        return None
    found = read_contract_files([path])
    try:
        return read(Source(kind_of(found.texts), found.texts, message))
    except InvalidDocument as error:
        lines = "\n".join(first_lines([f"{path}:{problem}" for problem in error.problems]))
        fail(Exit.INVALID, f"{lines}. Nothing was checked.")
