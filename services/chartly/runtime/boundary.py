"""The points of a run at which a process may die: before and after each RPC, database commit, file write and Delta commit.

`reached` does nothing unless the setting `boundary_hook` names a function to tell; fault tests do, to end the process there.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Kind = Literal["rpc_client", "rpc_server", "database", "file", "delta"]
When = Literal["before", "after"]
Hook = Callable[[Kind, str, When], None]


def _nothing(kind: Kind, name: str, when: When) -> None:
    pass


@dataclass
class _Told:
    hook: Hook


_told = _Told(_nothing)


def install(specification: str | None) -> None:
    """Tell the function that `module:function` names of every boundary from now on; None tells nobody."""
    if specification is None:
        _told.hook = _nothing
    else:
        module, _, function = specification.partition(":")
        _told.hook = getattr(importlib.import_module(module), function)


def reached(kind: Kind, name: str, when: When) -> None:
    """Say that the process is at a boundary.

    Args:
        kind: what happens there.
        name: what it happens to, the same in every run: an RPC's path, a database's or dataset's name, a file's role.
        when: before or after it happens.
    """
    _told.hook(kind, name, when)


@contextmanager
def around(kind: Kind, name: str) -> Iterator[None]:
    """Say so before the block and, unless it raises, after it."""
    reached(kind, name, "before")
    yield
    reached(kind, name, "after")
