"""A service's process: its event loop, its logs, and what it says when it cannot start."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import uvloop
from chartly.runtime import boundary
from chartly.runtime.errors import CannotStart, ChartlyError
from chartly.runtime.settings import ServiceSettings
from chartly.runtime.telemetry import install_logging
from pydantic import ValidationError

Settings = TypeVar("Settings", bound=ServiceSettings)
logger = logging.getLogger(__name__)
EXIT_FAILED, EXIT_USAGE = 1, 2
# Python's own thresholds have a call collect several times; a fifth of the registry's time went to walking what it caches.
_COLLECT_AFTER = (50_000, 20, 100)


def run(main: Callable[[Settings], Coroutine[Any, Any, None]], settings: Settings) -> int:
    """Run a service until it ends, on uvloop with structured logs; return the exit code.

    What keeps it from starting and is no bug (a taken port, a data folder that cannot be written) is one line of the log, code 1.
    """
    gc.set_threshold(*_COLLECT_AFTER)
    install_logging(settings.service, settings.log_level)
    boundary.install(settings.boundary_hook)
    try:
        uvloop.run(main(settings))
    except (ChartlyError, CannotStart) as error:
        logger.error(str(error))
        return EXIT_FAILED
    return 0


def run_with_flags(
    main: Callable[[Settings], Coroutine[Any, Any, None]], settings_class: type[Settings], flags: Sequence[str]
) -> int:
    """Run a service with the settings of the environment and of flags; return the exit code, 2 if they cannot be used."""
    try:
        settings = settings_class.from_flags(flags)
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"])
            print(f"{name}: {problem['msg']}", file=sys.stderr)
        return EXIT_USAGE
    return run(main, settings)
