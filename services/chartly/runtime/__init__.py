"""What every service needs and no domain knows: server, clients, identity, errors, settings, database, outbox, telemetry.

Names are loaded when they are first used, so that a process pays only for what it has. Nothing here creates a channel, a thread
or an event loop at import time, so that `chartly up` may fork after importing it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chartly.runtime import boundary as boundary
    from chartly.runtime import files as files
    from chartly.runtime import pages as pages
    from chartly.runtime.call import Context as Context
    from chartly.runtime.clients import Clients as Clients
    from chartly.runtime.clock import utc_now as utc_now
    from chartly.runtime.contracts import ContractError as ContractError
    from chartly.runtime.contracts import MethodContract as MethodContract
    from chartly.runtime.database import Database as Database
    from chartly.runtime.database import Transaction as Transaction
    from chartly.runtime.errors import ChartlyError as ChartlyError
    from chartly.runtime.errors import FieldViolation as FieldViolation
    from chartly.runtime.errors import error_of as error_of
    from chartly.runtime.errors import status_of as status_of
    from chartly.runtime.identity import Identify as Identify
    from chartly.runtime.identity import Principal as Principal
    from chartly.runtime.outbox import Outbox as Outbox
    from chartly.runtime.outbox import create_outbox as create_outbox
    from chartly.runtime.process import run as run
    from chartly.runtime.process import run_with_flags as run_with_flags
    from chartly.runtime.server import PortTaken as PortTaken
    from chartly.runtime.server import Server as Server
    from chartly.runtime.settings import ServiceSettings as ServiceSettings
    from chartly.runtime.settings import settings_reference as settings_reference

_HOMES = {
    "ChartlyError": "errors",
    "Clients": "clients",
    "Context": "call",
    "ContractError": "contracts",
    "Database": "database",
    "FieldViolation": "errors",
    "Identify": "identity",
    "MethodContract": "contracts",
    "Outbox": "outbox",
    "PortTaken": "server",
    "Principal": "identity",
    "Server": "server",
    "ServiceSettings": "settings",
    "Transaction": "database",
    "create_outbox": "outbox",
    "error_of": "errors",
    "run": "process",
    "run_with_flags": "process",
    "settings_reference": "settings",
    "status_of": "errors",
    "utc_now": "clock",
}
_MODULES = ("boundary", "files", "pages")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
